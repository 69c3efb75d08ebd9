"""What is done to one document: its text, language, vector and tags."""

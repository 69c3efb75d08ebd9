"""Questions for passages, asked of a language model through any OpenAI-compatible endpoint."""

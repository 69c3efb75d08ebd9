"""Training of static models: corpora in, weights, scales, tokenizer and configuration out."""

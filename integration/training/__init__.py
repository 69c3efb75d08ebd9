"""Training of the embedded static model: corpora in, weights, tokenizer and model card out."""

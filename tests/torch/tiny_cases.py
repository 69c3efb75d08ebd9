"""A transformer so small that it is trained in seconds, and what it may learn (no tests here)."""

from __future__ import annotations

import gzip
from pathlib import Path

#: What a text and its translation have in common: nothing but what is learned.
WORDS = [("cat", "katze"), ("dog", "hund"), ("house", "haus"), ("tree", "baum"), ("car", "auto"),
         ("fish", "fisch"), ("bird", "vogel"), ("bread", "brot")]  # fmt: skip


def write_body(folder: Path, dropout: float = 0.0) -> Path:
    """Write a transformer with random weights, which knows the words alone."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "die", *sum(WORDS, ())]
    (folder / "vocab.txt").write_text("\n".join(words), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def write_data(folder: Path, copies: int = 4) -> Path:
    """Write a data folder of the words' translations, each so many times."""
    room = folder / "parallel"
    room.mkdir(parents=True)
    rows = "".join(f"the {one}\tdie {other}\n" for one, other in WORDS * copies)
    with gzip.open(room / "toy.de.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(rows)
    return folder

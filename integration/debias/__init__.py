"""Debiasing: taking out of vectors what only says which language a text is in."""

from opensearch_clir.debias.encoder import GenerationEncoder, encode_in
from opensearch_clir.debias.fit import fit_debias
from opensearch_clir.debias.method import Method
from opensearch_clir.debias.transform import Debias

__all__ = ["Debias", "GenerationEncoder", "Method", "encode_in", "fit_debias"]

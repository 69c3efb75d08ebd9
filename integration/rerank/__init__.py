"""Rerankers: question and document read together, for the first hits of a search.

Read in this order: `base` (what a reranker does), `embedded`, `cross_encoder` and `remote` (the
three kinds), `registry` (their names), `window` (which hits), `options` (what may be asked), and
`search` (what becomes of a response). How much a score counts is fitted in
`opensearch_clir.calibration.reranking`.
"""

from opensearch_clir.rerank.base import Candidate, Reranker, scored
from opensearch_clir.rerank.options import Rerank
from opensearch_clir.rerank.registry import load_reranker

__all__ = ["Candidate", "Rerank", "Reranker", "load_reranker", "scored"]

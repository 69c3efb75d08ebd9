"""Rerankers by the name that a user gives."""

from __future__ import annotations

import functools
from pathlib import Path

from opensearch_clir.encoders.registry import EMBEDDED
from opensearch_clir.errors import ConfigurationError, RerankerError
from opensearch_clir.rerank.base import Reranker

__all__ = ["EMBEDDED", "EMBEDDED_HITS", "load_reranker"]

#: Late interaction with the first hits, by the embedded model.
EMBEDDED_HITS = "embedded-hits"


@functools.lru_cache(maxsize=4)
def load_reranker(name: str) -> Reranker:
    """Return the reranker of a name; the last four are kept, as loading takes seconds.

    Args:
        name: ``embedded`` or ``embedded-hits``; the address of a service,
            ``https://host/path#model``; or a cross-encoder of sentence-transformers, by its folder
            or its name on the Hugging Face hub.

    Raises:
        ConfigurationError: the name is empty, or an address that can't be used.
        EncoderError: the embedded model is damaged.
        RerankerError: the model, or the library that runs it, is missing or can't be loaded.
    """
    if not name.strip():
        raise ConfigurationError("the reranker's name is empty; use 'embedded' or name a model")
    if name == EMBEDDED:
        from opensearch_clir.rerank.embedded import embedded_reranker

        return embedded_reranker()
    if name == EMBEDDED_HITS:
        from opensearch_clir.rerank.embedded import LateInteraction
        from opensearch_clir.rerank.first_hits import FirstHits

        # The same one, so that words are remembered once.
        embedded = load_reranker(EMBEDDED)
        assert isinstance(embedded, LateInteraction)
        return FirstHits(embedded)
    if "://" in name:
        from opensearch_clir.rerank.remote import RemoteReranker

        return RemoteReranker(name)
    folder = Path(name).expanduser()
    only_a_folder = name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name
    if only_a_folder and not folder.is_dir():
        raise RerankerError(f"can't load the reranker {name!r}: no such folder")
    from opensearch_clir.rerank.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(name)

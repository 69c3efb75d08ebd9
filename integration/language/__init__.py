"""Which languages a text is in: posteriors, detectors, and the folding that all languages share."""

from opensearch_clir.language.base import (
    DOCUMENT_DETECTOR,
    QUERY_DETECTOR,
    Detector,
    LanguagePosterior,
)
from opensearch_clir.language.folding import fold
from opensearch_clir.language.query import query_posterior
from opensearch_clir.language.registry import load_detector

__all__ = [
    "DOCUMENT_DETECTOR",
    "QUERY_DETECTOR",
    "Detector",
    "LanguagePosterior",
    "fold",
    "load_detector",
    "query_posterior",
]

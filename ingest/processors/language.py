"""The language of a document: the user's tag where there is one, else detected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.languages import UND, canonical

__all__ = ["detect_missing", "given_tags", "tagged_posterior"]


def given_tags(document: Mapping[str, Any], schema: IndexSchema) -> tuple[str, ...]:
    """Return the tags that the document carries in the schema's language field, as they stand.

    Missing, null and blank tags give an empty tuple: the language is then detected.
    """
    if schema.lang_field is None:
        return ()
    value: Any = document
    if schema.lang_field in document:
        value = document[schema.lang_field]
    else:
        for part in schema.lang_field.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(str(item).strip() for item in items if item is not None and str(item).strip())


def tagged_posterior(tags: Sequence[str], languages: Sequence[str]) -> LanguagePosterior:
    """Return the posterior that the user's tags stand for: an equal share for each.

    A tag that is unknown or not configured counts as `UND`: the user's word is not overruled by a
    guess, and the document is still found by its vector and by what survives across languages.
    """
    codes = [_code(tag, languages) for tag in tags]
    share = 1 / len(codes)
    return LanguagePosterior({code: share * codes.count(code) for code in dict.fromkeys(codes)})


def _code(tag: str, languages: Sequence[str]) -> str:
    try:
        code = canonical(tag)
    except ConfigurationError:
        return UND
    return code if code in languages else UND


def detect_missing(
    given: Sequence[LanguagePosterior | None], texts: Sequence[str], detector: Detector
) -> list[LanguagePosterior]:
    """Fill in the posteriors that no tag gave, in one call of the detector."""
    missing = [i for i, posterior in enumerate(given) if posterior is None]
    found = iter(detector.posteriors([texts[i] for i in missing]) if missing else ())
    return [next(found) if posterior is None else posterior for posterior in given]

"""Which languages the reader reads: a preference between documents, not evidence about them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from opensearch_clir.errors import QueryError
from opensearch_clir.languages import UND, canonical

__all__ = ["EVERYBODY", "OTHERS", "Readers", "readers"]

#: Key for all languages that are not named.
OTHERS = "*"


@dataclass(frozen=True)
class Readers:
    """How useful a document in each language is to the reader.

    A hit's score is its probability of relevance times this: the probability that it answers the
    question *and* that the reader can use it, if usefulness is read as a probability.

    Attributes:
        use: usefulness in [0, 1] by document language.
        rest: of all other languages, in [0, 1]; those with 0 are left out of the result.
    """

    use: Mapping[str, float] = field(default_factory=dict)
    rest: float = 1.0

    def of(self, language: str) -> float:
        """Return the usefulness of a document in a language."""
        return self.use.get(language, self.rest)

    def filters(self, lang_field: str) -> list[dict[str, Any]]:
        """Return the conditions that leave out documents of no use."""
        if self.rest == 0:
            return [{"terms": {lang_field: sorted(c for c, use in self.use.items() if use > 0)}}]
        useless = sorted(code for code, use in self.use.items() if use == 0)
        if useless:
            return [{"bool": {"must_not": [{"terms": {lang_field: useless}}]}}]
        return []


#: Every language is as good as any other.
EVERYBODY = Readers()


def readers(value: Any) -> Readers:
    """Return the preference that a caller's ``languages_read`` stands for.

    Args:
        value: None for no preference; codes, all equally welcome and all others left out; or a
            mapping of codes to usefulness in [0, 1], with ``*`` for all others (0 unless given).

    Raises:
        QueryError: something else, or nothing that may be shown.
        ConfigurationError: an unknown language.
    """
    if value is None:
        return EVERYBODY
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Sequence):
        value = dict.fromkeys(value, 1.0)
    if not isinstance(value, Mapping):
        raise QueryError(
            f"languages_read must be codes like ['fr', 'en'] or a mapping to numbers, got {value!r}"
        )
    for code, use in value.items():
        number = isinstance(use, Real) and not isinstance(use, bool)
        if not isinstance(code, str) or not number or math.isnan(use) or not 0 <= use <= 1:
            raise QueryError(
                f"languages_read must map codes to numbers in [0, 1], got {code!r}: {use!r}"
            )
    named = {_code(code): float(use) for code, use in value.items() if code != OTHERS}
    found = Readers(named, float(value.get(OTHERS, 0.0)))
    if found.rest == 0 and not any(named.values()):
        raise QueryError("languages_read leaves no document to show: name at least one language")
    return found


def _code(code: str) -> str:
    return code if code == UND else canonical(code)

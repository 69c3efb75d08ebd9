"""The language of a query: few words, so the corpus it is put to counts as evidence."""

from __future__ import annotations

from collections.abc import Mapping

from opensearch_clir.language.base import Detector, LanguagePosterior
from opensearch_clir.languages import UND

__all__ = ["query_posterior"]

#: Share of the prior that all languages of the query's posterior get alike: people ask in
#: languages that the corpus hardly holds, which is what cross-lingual search is for. Fitted for
#: one to three queries in ten of that kind, see ``docs/decisions/0012-language-detectors.md``.
PRIOR_FLOOR = 0.3


def query_posterior(
    text: str, detector: Detector, prior: Mapping[str, float] | None = None
) -> LanguagePosterior:
    """Return the language posterior of a query of a few words.

    Args:
        text: the query.
        detector: takes every language as equally likely beforehand.
        prior: share of each language among the documents, any positive scale; ``None`` or empty
            leaves the detector's posterior as it is. No language is excluded by a share of 0.

    Returns:
        The posterior by Bayes' rule. The mass on `UND` (a foreign script, no letters) is evidence
        that no prior explains away, so it keeps its odds against an average language.
    """
    (found,) = detector.posteriors([text])
    total = sum(share for code, share in (prior or {}).items() if code != UND)
    if not prior or total <= 0:
        return found
    codes = sorted(set(found.probabilities) | (set(prior) - {UND}))
    count = sum(code != UND for code in codes)

    def odds(code: str) -> float:
        """Prior of a language against the uniform one that the detector assumed."""
        if code == UND:
            return 1.0
        return PRIOR_FLOOR + (1 - PRIOR_FLOOR) * count * prior.get(code, 0.0) / total

    joint = {code: found.probabilities.get(code, 0.0) * odds(code) for code in codes}
    norm = sum(joint.values())
    return LanguagePosterior({code: p / norm for code, p in joint.items() if p > 0})

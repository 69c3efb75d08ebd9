"""The default detector: scripts first, then langdetect's n-gram profiles, as honest probabilities.

langdetect itself draws n-grams at random until it is certain, so that its answers change with its
seed and three words are "99.999% Somali". Here every n-gram of the sample counts once, the sum is
tempered to what it proved worth on short and long texts, and the pieces of a text inform each
other (see ``docs/decisions/0006-language-posterior.md``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.profiles import Profiles, load_profiles, normalise
from opensearch_clir.language.scripts import COMMON, SCRIPTS, languages_of, script_ids
from opensearch_clir.languages import UND

__all__ = ["LangdetectDetector"]

#: Characters looked at; longer texts give a third each from their start, middle and end.
SAMPLE = 1_800

#: Characters to a piece, about a clause: a text can change its language between pieces.
PIECE = 60

#: Factor on log likelihoods. The n-grams of a word overlap and depend on each other: counted in
#: full they make the detector far too sure. Fitted, see the decision record.
TEMPERATURE = 0.25

#: Probability that a text is in none of the languages, whatever its letters say.
OTHER = 0.02

#: Prior odds of a language that has a profile but is not configured, against one that is.
UNCONFIGURED = 0.1

#: Weight in pieces of the view that every language is equally likely in the next piece.
CONTEXT_PRIOR = 0.1

#: Letters that say more than one Latin letter, in Latin letters.
_WEIGHTS = {"Hani": 3.0, "Kana": 2.0, "Kore": 2.5}

#: Letters of languages that langdetect has no profile of, which no relative of theirs uses.
_MARKERS = {"is": "þðÞÐ", "az": "əƏ", "be": "ўЎ", "sr": "ђћЂЋ"}
_MARKER_SHARE = 0.004

#: Probabilities below are dropped and the rest scaled up.
_NEGLIGIBLE = 1e-4

Probabilities = dict[str, float]


class LangdetectDetector:
    """Language posteriors from scripts and langdetect's profiles; see the module's text.

    Deterministic and safe to share between threads. Reads the profiles on first use (about half
    a second). Languages without a profile and without a script or letters of their own (``eu``,
    ``ga``, ``gl``, ``ms``) are taken for a relative or `UND`: give such documents a tag.
    """

    name = "langdetect"

    def __init__(self, languages: Sequence[str]) -> None:
        """Detect `languages`; everything else counts as `UND`."""
        self.languages = tuple(languages)
        self._by_script: dict[str, Profiles] = {}

    def posteriors(self, texts: Sequence[str]) -> list[LanguagePosterior]:
        """Return one posterior per text, `UND` where it has no letters; never raises."""
        return [self._posterior(text) for text in texts]

    def _posterior(self, text: str) -> LanguagePosterior:
        sample = _sample(text)
        codes = np.frombuffer(sample.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        ids = script_ids(codes)
        counts = dict(zip(SCRIPTS, np.bincount(ids, minlength=len(SCRIPTS)).tolist(), strict=True))
        # Japanese mixes its scripts; one name in kana does not make a Chinese text Japanese.
        if counts["Kana"] and counts["Kana"] * 10 >= counts["Hani"]:
            counts["Kana"] += counts.pop("Hani")
        weights = {
            script: count * _WEIGHTS.get(script, 1.0)
            for script, count in counts.items()
            if count and script != COMMON
        }
        total = sum(weights.values())
        mixture: Probabilities = {}
        for script, weight in weights.items():
            for code, p in self._of_script(script, codes, ids).items():
                mixture[code] = mixture.get(code, 0.0) + p * weight / total
        return _cleaned(mixture)

    def _of_script(
        self, script: str, codes: NDArray[np.uint32], ids: NDArray[np.int64]
    ) -> Probabilities:
        """Return the posterior of the letters of one script."""
        candidates = languages_of(script)
        if len(candidates) == 1:
            return self._configured({candidates[0]: 1.0})
        mine = (ids == SCRIPTS.index(script)) | (ids == 0)
        text = (
            np.where(mine, codes, ord(" ")).astype("<u4").tobytes().decode("utf-32-le", "replace")
        )
        marked = _marked(text, int((ids == SCRIPTS.index(script)).sum()), candidates)
        if marked is not None:
            return self._configured({marked: 1.0})
        return self._configured(self._classify(normalise(text), script))

    def _classify(self, text: str, script: str) -> Probabilities:
        profiles = self._profiles(script)
        sums, known = profiles.likelihoods(text, PIECE)
        sums, known = sums[known > 0], known[known > 0]
        if not len(known):
            return {}
        names = sorted(set(profiles.codes))
        columns = np.array([names.index(code) for code in profiles.codes])
        scores = np.full((len(known), len(names)), -np.inf)
        for column, name in enumerate(columns):
            scores[:, name] = np.maximum(scores[:, name], sums[:, column] * TEMPERATURE)
        prior = np.array([1.0 if name in self.languages else UNCONFIGURED for name in names])
        shares = _shares(scores, known / known.sum(), prior / prior.sum())
        return dict(zip(names, shares.tolist(), strict=True))

    def _profiles(self, script: str) -> Profiles:
        if script not in self._by_script:
            self._by_script[script] = load_profiles().only(languages_of(script))
        return self._by_script[script]

    def _configured(self, probabilities: Probabilities) -> Probabilities:
        """Move what is not configured, and a little of everything, to `UND`."""
        kept = {
            code: p * (1 - OTHER) for code, p in probabilities.items() if code in self.languages
        }
        return {**kept, UND: max(0.0, 1.0 - sum(kept.values()))}


def _sample(text: str) -> str:
    """Return at most about `SAMPLE` characters from the start, middle and end of a text."""
    if len(text) <= SAMPLE:
        return text
    part, middle = SAMPLE // 3, len(text) // 2
    return " ".join((text[:part], text[middle - part // 2 :][:part], text[-part:]))


def _marked(text: str, letters: int, candidates: Sequence[str]) -> str | None:
    """Return the language without a profile whose own letters are frequent in the text."""
    for code, marks in _MARKERS.items():
        if code in candidates:
            count = sum(text.count(mark) for mark in marks)
            if count and count >= _MARKER_SHARE * letters:
                return code
    return None


def _shares(
    scores: NDArray[np.float64], weights: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of each language in a text, given the log likelihoods of its pieces.

    The languages of the other pieces are each piece's prior, so that ten pieces of Danish are
    not a tenth Norwegian, while a half-English text stays half English.

    Args:
        scores: shape (pieces, languages).
        weights: of the pieces, sum 1, shape (pieces,).
        prior: of the languages, sum 1, shape (languages,).
    """
    scores = scores - scores.max(axis=1, keepdims=True)
    likely = np.exp(scores)
    found = likely * prior
    found /= found.sum(axis=1, keepdims=True)
    for _ in range(3 if len(weights) > 1 else 0):
        weighted = weights[:, None] * found
        context = weighted.sum(axis=0) - weighted + CONTEXT_PRIOR * prior / len(weights)
        found = likely * context
        found /= found.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = weights @ found
    return shares


def _cleaned(mixture: Probabilities) -> LanguagePosterior:
    kept = {code: p for code, p in sorted(mixture.items()) if p >= _NEGLIGIBLE}
    total = sum(kept.values())
    if not total:
        return LanguagePosterior.unknown()
    return LanguagePosterior({code: p / total for code, p in kept.items()})

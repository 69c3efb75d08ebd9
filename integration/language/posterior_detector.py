"""The detector behind every name: scripts first, then libraries, calibrated and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.calibration import Calibration, features
from opensearch_clir.language.evidence import CODES, COLUMN, Evidence
from opensearch_clir.language.sample import clean_pieces
from opensearch_clir.language.scripts import COMMON, SCRIPTS, languages_of, script_ids
from opensearch_clir.language.shares import shares
from opensearch_clir.languages import UND

__all__ = ["PosteriorDetector"]

#: Probability that a text is in none of the languages, whatever its letters say.
OTHER = 0.01

#: Prior odds of a known language that is not configured, against one that is.
UNCONFIGURED = 0.1

#: Letters of a script below this share of a text are names and symbols.
MIN_SHARE = 0.02

#: Letters that say more than one Latin letter, in Latin letters.
_WEIGHTS = np.array(
    [{COMMON: 0.0, "Hani": 3.0, "Kana": 2.0, "Kore": 2.5}.get(s, 1.0) for s in SCRIPTS]
)
_HANI, _KANA = SCRIPTS.index("Hani"), SCRIPTS.index("Kana")

#: Probabilities below are dropped and the rest scaled up.
_NEGLIGIBLE = 1e-4

#: Texts worked on at a time, which bounds the memory.
_BATCH = 256


@dataclass(frozen=True)
class _Task:
    """The letters of one script in one text, which several languages share."""

    text: int
    weight: float
    script: int
    pieces: list[str]


class PosteriorDetector:
    """Language posteriors from scripts and one or more libraries.

    Deterministic and safe to share between threads. Looks at a bounded sample of a text.
    """

    def __init__(
        self,
        name: str,
        members: Sequence[Evidence],
        calibration: Calibration,
        languages: Sequence[str],
    ) -> None:
        """Detect `languages`; everything else counts as `UND`.

        Args:
            name: under which settings know this detector.
            members: the libraries; `calibration` has a weight for each.
            calibration: fitted for these members.
            languages: codes of `LANGUAGES`.
        """
        self.name = name
        self.languages = tuple(languages)
        self._members = tuple(members)
        self._calibration = calibration
        self._prior = np.array(
            [1.0 if code in self.languages or code == UND else UNCONFIGURED for code in CODES]
        )
        self._configured = np.array([code in self.languages for code in CODES])
        self._possible = np.zeros((len(SCRIPTS), len(CODES)), dtype=bool)
        for i, script in enumerate(SCRIPTS):
            self._possible[i, [COLUMN[code] for code in languages_of(script)]] = True
        self._open = (self._possible & self._configured).any(axis=1) & (
            self._possible.sum(axis=1) > 1
        )
        self._possible[:, COLUMN[UND]] = True

    def posteriors(self, texts: Sequence[str]) -> list[LanguagePosterior]:
        """Return one posterior per text, `UND` where it has no letters; never raises."""
        found: list[LanguagePosterior] = []
        for start in range(0, len(texts), _BATCH):
            found += self._batch(texts[start : start + _BATCH])
        return found

    def _batch(self, texts: Sequence[str]) -> list[LanguagePosterior]:
        pieces = [clean_pieces(text) for text in texts]
        mixtures = np.zeros((len(texts), len(CODES)))
        tasks: list[_Task] = []
        for number, (weights, mine) in enumerate(zip(_script_weights(pieces), pieces, strict=True)):
            for script in np.flatnonzero(weights).tolist():
                if self._open[script]:
                    own = mine if weights[script] == 1.0 else _only(mine, script)
                    tasks.append(_Task(number, float(weights[script]), script, own))
                else:  # one language, or none that is configured
                    mixtures[number] += weights[script] * self._single(script)
        if tasks:
            for task, found in zip(tasks, self._classify(tasks), strict=True):
                mixtures[task.text] += task.weight * found
        return self._posteriors(mixtures)

    def _single(self, script: int) -> NDArray[np.float64]:
        """Return the posterior of a script that one language, or none, of ours is written in."""
        row = (self._possible[script] & self._configured).astype(np.float64)
        even: NDArray[np.float64] = row / max(1.0, float(row.sum()))
        return even

    def _classify(self, tasks: Sequence[_Task]) -> NDArray[np.float64]:
        """Return the share of each language in the letters of each task."""
        pieces = [piece for task in tasks for piece in task.pieces]
        counts = np.array([len(task.pieces) for task in tasks])
        possible = np.repeat(self._possible[[task.script for task in tasks]], counts, axis=0)
        scores = {
            member.name: features(member.scores(pieces), member.known, possible)
            for member in self._members
        }
        lengths = [len(piece) for piece in pieces]
        logits = np.where(possible, self._calibration.logits(scores, lengths), -np.inf)
        return shares(logits, np.asarray(lengths, dtype=np.float64), counts, self._prior)

    def _posteriors(self, mixtures: NDArray[np.float64]) -> list[LanguagePosterior]:
        """Move what is not configured, and a little of everything, to `UND`."""
        mixtures = np.where(self._configured, mixtures * (1 - OTHER), 0.0)
        mixtures[mixtures < _NEGLIGIBLE] = 0.0
        mixtures[:, COLUMN[UND]] = np.maximum(0.0, 1.0 - mixtures.sum(axis=1))
        owners, places = np.nonzero(mixtures)
        found: list[dict[str, float]] = [{} for _ in mixtures]
        values = mixtures[owners, places].tolist()
        for owner, place, value in zip(owners.tolist(), places.tolist(), values, strict=True):
            found[owner][CODES[place]] = value
        return [LanguagePosterior(probabilities) for probabilities in found]


def _only(pieces: Sequence[str], script: int) -> list[str]:
    """Return the words or runs of one script, with what is no letter between them."""
    found = []
    for piece in pieces:
        codes = np.frombuffer(piece.encode("utf-32-le"), dtype=np.uint32)
        ids = script_ids(codes)
        if (ids == script).any():
            kept = np.where((ids == script) | (ids == 0), codes, np.uint32(ord(" ")))
            found.append(" ".join(kept.astype("<u4").tobytes().decode("utf-32-le").split()))
    return found


def _script_weights(pieces: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Return the share of each script in each text, shape (texts, scripts); 0 without letters."""
    joined = ["".join(mine) for mine in pieces]
    codes = np.frombuffer("".join(joined).encode("utf-32-le"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(joined)), [len(text) for text in joined])
    size = len(SCRIPTS)
    counts = np.bincount(owner * size + script_ids(codes), minlength=len(joined) * size)
    weights: NDArray[np.float64] = counts.reshape(len(joined), size) * _WEIGHTS
    # Japanese mixes its scripts; one name in kana does not make a Chinese text Japanese.
    japanese = (weights[:, _KANA] > 0) & (
        weights[:, _KANA] / _WEIGHTS[_KANA] * 10 >= weights[:, _HANI] / _WEIGHTS[_HANI]
    )
    weights[japanese, _KANA] += weights[japanese, _HANI]
    weights[japanese, _HANI] = 0.0
    for _ in range(2):  # the second time without the scripts that hardly occur
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        weights[weights < MIN_SHARE] = 0.0
    # A sole script has exactly 1.
    sole = (weights > 0).sum(axis=1) == 1
    weights[sole] = (weights[sole] > 0).astype(np.float64)
    return weights

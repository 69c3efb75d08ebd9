"""A query by language: how much of it each has, and which words each analyzer should see."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.romanised import ARTICLE, lexicon
from opensearch_clir.language.spans import TokenSpan, token_spans
from opensearch_clir.language.word_evidence import MIXES_ENGLISH
from opensearch_clir.languages import LANGUAGES, UND

__all__ = ["QuerySpans", "query_spans"]

#: A token is another language's where that one is at least so probable.
CONFIDENT = 0.9

#: A token that a language may have is kept for it from this probability.
POSSIBLE = 0.05

#: A language that a query in one language may be in gets it whole from this probability.
UNDECIDED = 0.25

#: Occupancy below which a language is dropped from a mixed query.
MIN_OCCUPANCY = 0.02

_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class QuerySpans:
    """A query cut by language; make one with `query_spans`.

    Attributes:
        text: the query as given.
        spans: its tokens in order.
        posterior: languages of the query. Of a query in one language it is the posterior that was
            given; of a mixed or romanised one, each language's share of the words.
        found: languages that the words show beyond doubt; one, or none, of a query that is not
            mixed.
    """

    text: str
    spans: tuple[TokenSpan, ...]
    posterior: LanguagePosterior
    found: frozenset[str]

    @property
    def mixed(self) -> bool:
        """Whether words of several languages were found."""
        return len(self.found) > 1

    @property
    def romanised(self) -> frozenset[str]:
        """Languages that were typed in Latin letters."""
        return frozenset(span.romanised for span in self.spans if span.romanised)

    def restored(self) -> str:
        """Return the text with romanised words in their own script; otherwise as it was."""
        return self._rebuilt(lambda span: True, self.romanised)

    def text_for(self, code: str) -> str:
        """Return what the analyzer of a language should see.

        Its own words (restored if romanised), those that could be its own, and those that tell
        nothing; no function words and no known words of other languages. A query in that language
        alone comes back as it was. May be empty.
        """
        own = frozenset({code})
        if self.found <= own or (not self.mixed and self._possible(code)):
            return self._rebuilt(lambda span: True, own)
        return self._rebuilt(lambda span: _belongs(span, code, self.found), own)

    def content_text(self) -> str:
        """Return the text without function words of the languages it is in; may be empty.

        Romanised words stay Latin, since they are what survives in the text of other languages.
        """
        return self._rebuilt(lambda span: not _function_word(span), frozenset())

    def _possible(self, code: str) -> bool:
        return self.posterior.probabilities.get(code, 0.0) >= UNDECIDED

    def _rebuilt(self, keep: Callable[[TokenSpan], bool], restore: frozenset[str]) -> str:
        """Return the text of the tokens to keep, romanised ones of some languages restored."""
        parts: list[str] = []
        done, dropped = 0, False
        for span in self.spans:
            between = self.text[done : span.start]
            done = span.end
            if not keep(span):
                parts.append(f"{between} ")
                dropped = True
                continue
            native = _native(span) if span.romanised in restore else None
            if native and parts and parts[-1] == ARTICLE:
                # One word with its noun.
                between, native = "", native.removeprefix(ARTICLE)
            parts.append(between)
            parts.append(native or self.text[span.start : span.end])
        parts.append(self.text[done:])
        built = "".join(parts)
        if not dropped:
            return built
        built = _SPACES.sub(" ", built).strip()
        # Punctuation alone is nothing to look for.
        return built if any(char.isalnum() for char in built) else ""


def query_spans(text: str, posterior: LanguagePosterior, languages: Collection[str]) -> QuerySpans:
    """Cut a query by language.

    Args:
        text: any string.
        posterior: languages of the text as a whole, from any detector, with any prior.
        languages: the configured ones; the result's posterior has no others but `UND`.
    """
    spans = token_spans(text, posterior, languages)
    occupancy = _occupancy(spans)
    found = _found(spans, occupancy)
    if len(found) > 1 or any(span.romanised for span in spans):
        posterior = _configured(occupancy, languages)
    return QuerySpans(text, spans, posterior, found)


def _found(spans: Collection[TokenSpan], occupancy: dict[str, float]) -> frozenset[str]:
    """Return the languages that the words of a query show beyond doubt, its main one included."""
    if not occupancy:
        return frozenset()
    main = min(occupancy, key=lambda code: (-occupancy[code], code))
    words: dict[str, int] = {}
    functional: dict[str, int] = {}
    for span in spans:
        code = span.language
        if code == main or span.kind == "neutral" or span.probabilities[code] < CONFIDENT:
            continue
        own = code in span.functional and main not in span.functional
        if span.capital or (not own and (code not in span.known or main in span.known)):
            continue
        words[code] = words.get(code, 0) + 1
        functional[code] = functional.get(code, 0) + own
    # English words are dropped into all languages; a word that looks Galician in a Spanish
    # question is a coincidence.
    clear = {
        code
        for code, count in words.items()
        if code == "en"
        or LANGUAGES[code].script != LANGUAGES[main].script
        or (count > 1 and functional[code])
        or main == "en"
    }
    return frozenset({main, *clear})


def _occupancy(spans: Collection[TokenSpan]) -> dict[str, float]:
    total: dict[str, float] = {}
    for span in spans:
        if span.kind == "word":
            for code, p in span.probabilities.items():
                total[code] = total.get(code, 0.0) + p
    return total


def _configured(occupancy: dict[str, float], languages: Collection[str]) -> LanguagePosterior:
    total = sum(occupancy.values())
    shares = {c: p / total for c, p in sorted(occupancy.items()) if p >= MIN_OCCUPANCY * total}
    kept = {code: p for code, p in shares.items() if code in languages}
    rest = max(0.0, 1.0 - sum(kept.values()))
    return LanguagePosterior({**kept, UND: rest} if rest > 1e-9 else kept)


def _belongs(span: TokenSpan, code: str, found: frozenset[str]) -> bool:
    own, other = span.probabilities.get(code, 0.0), span.language
    if own >= 0.5 or other == code or span.kind == "neutral":
        return True
    if other in span.functional:
        return code in span.functional
    if span.capital or own >= POSSIBLE or other not in found:
        return True
    return code in span.known


def _function_word(span: TokenSpan) -> bool:
    likely = {code for code, p in span.probabilities.items() if p >= 0.2}
    return bool(span.functional & likely)


def _native(span: TokenSpan) -> str | None:
    code = span.romanised
    if code is None:
        return None
    # English words inside typed Hindi are English, whether or not Hindi has borrowed them too.
    if code in MIXES_ENGLISH and "en" in span.known and not lexicon(code).typed(span.word):
        return None
    return lexicon(code).restore(span.word)

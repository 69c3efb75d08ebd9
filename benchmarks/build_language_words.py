"""Count the words of each language that token spans and romanised queries rest on.

    python benchmarks/build_language_words.py PARALLEL_FOLDER --hinglish FILE

PARALLEL_FOLDER holds ``SOURCE.LANG.tsv.gz`` (English TAB other language); FILE is Hinglish-TOP as
JSON lines (``split``, ``en``, ``hi-en``), of which only rows of the split ``train`` are read.
Needs ``pip install stop-words`` (BSD-3-Clause) for its lists.
Writes ``integration/language/words.txt.gz``; see ``integration/language/WORDS.md`` for sources and
licences. Sources that are not listed there are skipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import stop_words

from opensearch_clir.evaluation.files import write_text
from opensearch_clir.language.tokens import tokenize
from opensearch_clir.languages import LANGUAGES


def _words(text: str) -> list[str]:
    return text.split()


#: Sources whose licence is CC0, CC BY, MIT, BSD or Apache-2.0.
SOURCES = _words(
    "bitcoin-org cc-legal comprehensive-rust corona-warn djangodocs fastapi-docs hotosm-tm kolibri "
    "lighthouse ms-businesscentral ms-customerinsights ms-customerinsights2 ms-projectops "
    "ms-projectops2 otel-docs pydocs scratch security-101 tatoeba1k tico19 tldr xcopa-gmt"
)

#: Of this source only even lines are read: the others measure.
HALF = "tatoeba1k"

#: Lines of a file, and tokens of a source, that count: no source may drown the others.
MAX_LINES, MAX_TOKENS = 6_000, 40_000

#: Words kept of a language; most where words are restored from romanised ones.
SIZES = {"hi": 9_000, "ru": 9_000, "el": 7_000, "ar": 9_000, "uk": 5_000, "bg": 4_000}
SIZES |= {"en": 8_000, "es": 4_000, "fr": 4_000, "de": 4_000}
DEFAULT_SIZE = 2_000

#: Words kept where the script alone tells the language.
ALONE = {"Armn", "Beng", "Geor", "Gujr", "Guru", "Hebr", "Kore", "Knda", "Mlym", "Taml", "Telu"}
ALONE_SIZE = 150

#: Function words: those of a stop list among so many most frequent words, or, for a language
#: without a list, so many that are frequent everywhere.
FREQUENT, UNLISTED = 450, 40

#: Sources that speak as people do; so many of their most frequent words count as frequent too.
EVERYDAY, FREQUENT_EVERYDAY = ("tatoeba1k", "xcopa-gmt"), 350

#: In stop lists, yet what a question may be about.
CONTENT = set(
    _words(
        "able appear appropriate available begin best big changes computer contains copyright "
        "course current describe different end example file fill find fire following full "
        "general given great group groups help home information interest invalid items large "
        "last latest line list little long make making member members miss million month "
        "months move mr name needed new number numbers open order ordered page pages part "
        "parts percent place places point points possible problem problems read results right "
        "room rooms second section see seem side sides small soon specified start state "
        "states stop sub system take taken tell text thank thing things think thousand today "
        "try turn turned use used useful user users using usually value various view want "
        "ways website welcome work worked working works world year years young down back case "
        "change common contact data date details free function hours html http https int "
        "interested net null old org plus present sent show showed showing site special url "
        "web account days día días número estado usar uso trabajo trabajar nueva nuevo nuevas "
        "nuevos jahr jahre zeit tag tage copy contain cases run terms necessary low high look "
        "close cuenta momento valor lugar total primera diferente diferentes nom valeur "
        "personne personnes mot имя घर имеет начала времени день temps mois année état nouveau "
        "nouveaux neue neuen neuer neues"
    )
)


def main() -> None:
    """Count, and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hinglish", type=Path, required=True)
    target = Path(__file__).parents[1] / "integration" / "language" / "words.txt.gz"
    parser.add_argument("--out", type=Path, default=target)
    arguments = parser.parse_args()
    lines, english = [], {}
    for code in ("en", *(c for c in LANGUAGES if c not in ("en", "ja", "zh", "th"))):
        counts = count(arguments.folder, code)
        shares = mixture(counts)
        if code == "en":
            english = shares
        script = LANGUAGES[code].script
        size = ALONE_SIZE if script in ALONE else SIZES.get(code, DEFAULT_SIZE)
        top = sorted(shares, key=lambda word: (-shares[word], word))[:size]
        lines += [f"{code}\t=\t{' '.join(function_words(counts, code))}"]
        lines += packed(code, {word: shares[word] for word in top})
        print(code, len(top), sum(sum(c.values()) for c in counts.values()), flush=True)
    lines += packed("hi-Latn", hinglish(arguments.hinglish, english))
    write_text(arguments.out, "\n".join(lines) + "\n")
    print(arguments.out.stat().st_size, "bytes")


def count(folder: Path, code: str) -> dict[str, Counter[str]]:
    """Return the word counts of one language by source."""
    script = LANGUAGES[code].script
    found: dict[str, Counter[str]] = {}
    for source in SOURCES:
        counter: Counter[str] = Counter()
        for english, other in pairs(folder, source, code):
            words = [t.word for t in tokenize(other) if t.kind == "word" and t.script == script]
            same = set(english.lower().split()) if code != "en" else set()
            # A line that mostly repeats the English one was not translated.
            if sum(word in same for word in words) * 2 <= len(words):
                counter.update(words)
        if counter:
            found[source] = counter
    return found


def pairs(folder: Path, source: str, code: str) -> Iterator[tuple[str, str]]:
    """Yield English and other side of one source; for English the English side of all languages."""
    files = sorted(folder.glob(f"{source}.{'*' if code == 'en' else code}.tsv.gz"))
    seen: set[str] = set()
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream):
                if number >= MAX_LINES * (2 if source == HALF else 1) or len(seen) > MAX_LINES:
                    break
                english, _, other = line.rstrip("\n").partition("\t")
                if source == HALF and number % 2:
                    continue
                if code != "en":
                    yield english, other
                elif english not in seen:
                    seen.add(english)
                    yield "", english


def mixture(counts: dict[str, Counter[str]]) -> dict[str, float]:
    """Return the share of each word, sources weighing alike once they are large."""
    sizes = {source: sum(counter.values()) for source, counter in counts.items()}
    total = sum(min(size, MAX_TOKENS) for size in sizes.values())
    shares: dict[str, float] = {}
    for source, counter in counts.items():
        weight = min(sizes[source], MAX_TOKENS) / (total * sizes[source])
        for word, number in counter.items():
            shares[word] = shares.get(word, 0.0) + number * weight
    return shares


def function_words(counts: dict[str, Counter[str]], code: str) -> list[str]:
    """Return the words that are frequent in every source: geometric mean of their shares."""
    sizes = {s: sum(c.values()) for s, c in counts.items()}
    large = [s for s in counts if sizes[s] >= 2_000] or list(counts)
    name = LANGUAGES[code].name.lower()
    known = name in stop_words.AVAILABLE_LANGUAGES
    listed = {word.lower() for word in stop_words.get_stop_words(name)} if known else None
    candidates = Counter[str]()
    for source in large:
        candidates.update([word for word, _ in counts[source].most_common(600)])
    scores = {
        word: sum(math.log(counts[s][word] / sizes[s] + 2e-5) for s in large) / max(1, len(large))
        for word in candidates
        if word not in CONTENT
    }
    ranked = sorted(scores, key=lambda word: (-scores[word], word))
    if listed is None:
        return sorted(ranked[:UNLISTED])
    everyday = sum((counts.get(source, Counter()) for source in EVERYDAY), Counter[str]())
    frequent = {*ranked[:FREQUENT], *(w for w, _ in everyday.most_common(FREQUENT_EVERYDAY))}
    return sorted(word for word in frequent if word in listed and word not in CONTENT)


def hinglish(file: Path, english: dict[str, float]) -> dict[str, float]:
    """Return the share of each romanised Hindi word: what is not in the row's English original."""
    counts: Counter[str] = Counter()
    shared: Counter[str] = Counter()
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            if row["split"] != "train":
                continue
            original = {token.word for token in tokenize(row["en"])}
            for token in tokenize(row["hi-en"]):
                if token.kind == "word" and token.script == "Latn":
                    (shared if token.word in original else counts)[token.word] += 1
    total = sum(counts.values())
    return {
        word: number / total
        for word, number in counts.items()
        if shared[word] < number and number / total > 2 * english.get(word, 0.0)
    }


def packed(code: str, shares: dict[str, float]) -> list[str]:
    """Return lines ``code TAB bucket TAB words``; a word's share is about 2 ** (-bucket / 2)."""
    buckets: dict[int, list[str]] = {}
    for word, share in shares.items():
        buckets.setdefault(round(-2 * math.log2(share)), []).append(word)
    return [f"{code}\t{b}\t{' '.join(sorted(words))}" for b, words in sorted(buckets.items())]


if __name__ == "__main__":
    main()

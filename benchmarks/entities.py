"""How well entity keys carry names over, and how far they are from flooding an index.

    python benchmarks/entities.py NAMES.tsv.gz --out benchmarks/results/entities/names.json

NAMES has lines ``lang TAB name TAB lang TAB name``: one name in two languages, English first. Names
are split in halves by a checksum of the English one: the rules were made on the first half, figures
are of the second. A false match is another English name of the half that shares a key, as a share
of all other names. The other figures come from the help-desk set beside this file.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from opensearch_clir.entities import ENTITY_RULES, entities, entity_keys, total, weighted
from opensearch_clir.entities.exact import word_key
from opensearch_clir.entities.sounds import sound_keys

HELPDESK = Path(__file__).parent / "sets" / "helpdesk"

Keys = Callable[[str], set[str]]


def exact(name: str) -> set[str]:
    """Transliteration alone, by anyascii and the rules for kana."""
    key = word_key(name)
    return {key} if key else set()


def kinds(marks: str) -> Keys:
    """Exact keys and the sound keys with these marks."""
    return lambda name: exact(name) | {key for key in sound_keys(name) if key[0] in marks}


VARIANTS: Mapping[str, Keys] = {
    "= transliterated": exact,
    "= and ^ (consonants)": kinds("^"),
    "= and ~ (sounds)": kinds("~"),
    "=, ~ and ^": kinds("~^"),
}


def names(path: Path, half: int) -> dict[str, list[tuple[str, str]]]:
    """Read one half of the names: language to pairs of English and other name."""
    pairs = collections.defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            _, english, lang, other = line.rstrip("\n").split("\t")
            if zlib.crc32(english.encode()) % 2 == half:
                pairs[lang].append((english, other))
    return dict(sorted(pairs.items()))


def matched(pairs: Iterable[tuple[str, str]], keys: Keys) -> dict[str, float]:
    """Recall and false matches of one language."""
    pairs = list(pairs)
    english = {name: keys(name) for name, _ in pairs}
    index = collections.defaultdict(set)
    for name, its_keys in english.items():
        for key in its_keys:
            index[key].add(name)
    hits = wrong = 0
    for name, other in pairs:
        found = set().union(*(index[key] for key in keys(other) if key in index))
        hits += name in found
        wrong += len(found - {name})
    return {
        "names": len(pairs),
        "recall": round(hits / len(pairs), 4),
        "false_match": round(wrong / len(pairs) / (len(english) - 1), 7),
    }


def flood() -> dict[str, Any]:
    """Keys per document by language, and the share of documents of the most frequent keys."""
    documents = corpus()
    frequencies = collections.Counter(key for keys, _ in documents.values() for key in keys)
    by_language = collections.defaultdict(list)
    for keys, lang in documents.values():
        by_language[lang].append(len(keys))
    top = frequencies.most_common(10)
    return {
        "documents": len(documents),
        "keys_per_document": {k: round(mean(v), 1) for k, v in sorted(by_language.items())},
        "most_frequent": {key: round(n / len(documents), 3) for key, n in top},
    }


def evidence() -> dict[str, Any]:
    """Evidence between languages: of relevant documents and others, by kind of query and keys."""
    documents = corpus()
    relevant = collections.defaultdict(set)
    for line in (HELPDESK / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, _, document, grade = line.split("\t")
        if int(grade) > 0:
            relevant[query].add(document)
    result: dict[str, Any] = {}
    rows = (HELPDESK / "queries.tsv").read_text(encoding="utf-8").splitlines()[1:]
    for name, marks in (("transliterated and sounds", "=~^"), ("as spelled in Latin script", "=")):
        kept = {i: ({k for k in ks if k[0] in marks}, lang) for i, (ks, lang) in documents.items()}
        frequencies = collections.Counter(key for keys, _ in kept.values() for key in keys)
        for kind in ("entity", "natural"):
            queries = [row.split("\t") for row in rows if row.split("\t")[4] == kind]
            chosen = [(q[0], q[1], q[2]) for q in queries]
            result[f"{kind}: {name}"] = between(chosen, kept, frequencies, relevant)
    return result


def between(
    queries: Iterable[tuple[str, str, str]],
    documents: Mapping[str, tuple[set[str], str]],
    frequencies: Mapping[str, int],
    relevant: Mapping[str, set[str]],
) -> dict[str, float]:
    """Mean evidence of documents in other languages than the query's, and the precision at .5."""
    good, bad, strong, right = [], [], 0, 0
    for query, lang, text in queries:
        parts = weighted(entities(text, "query"), frequencies, len(documents))
        bound = total(parts)
        for document, (keys, its_lang) in documents.items():
            if its_lang == lang:
                continue
            found = sum(max((w for k, w in p.keys if k in keys), default=0.0) for p in parts)
            share = found / bound
            is_relevant = document in relevant[query]
            (good if is_relevant else bad).append(share)
            strong += share >= 0.5
            right += share >= 0.5 and is_relevant
    return {
        "relevant": round(mean(good), 4),
        "other": round(mean(bad), 4),
        "relevant_found": round(sum(1 for e in good if e > 0) / len(good), 4),
        "relevant_strong": round(right / len(good), 4),
        "precision_strong": round(right / max(1, strong), 4),
    }


def corpus() -> dict[str, tuple[set[str], str]]:
    """The help-desk documents: id to keys and language."""
    lines = (HELPDESK / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    found = map(json.loads, lines)
    return {d["id"]: (set(entity_keys(f"{d['title']}\n{d['text']}")), d["lang"]) for d in found}


def main() -> None:
    """Measure and print, and write the figures if asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    halves = {part: names(arguments.names, i) for i, part in enumerate(("made on", "held out"))}
    results = {
        "rules": ENTITY_RULES,
        "names": {
            part: {
                variant: {lang: matched(pairs, keys) for lang, pairs in by_language.items()}
                for variant, keys in VARIANTS.items()
            }
            for part, by_language in halves.items()
        },
        "flood": flood(),
        "evidence": evidence(),
    }
    text = json.dumps(results, indent=1, ensure_ascii=False)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

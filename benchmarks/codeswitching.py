"""Mixed and romanised queries: languages of tokens, false alarms, and what restoring words gains.

    python benchmarks/codeswitching.py --json benchmarks/results/codeswitching.json
    python benchmarks/codeswitching.py --hinglish hinglish-top.jsonl.gz --sentences FOLDER

Without options it needs nothing but the committed set ``helpdesk``. ``--hinglish`` takes
Hinglish-TOP as JSON lines (``split``, ``en``, ``hi-en``; only rows of ``validation`` are read);
``--sentences`` a folder of ``tatoeba1k.LANG.tsv.gz``, of which every other line was kept out of the
word lists. Retrieval is by cosine alone, exhaustively, with the embedded encoder; no server.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders.base import Encoder, Vectors, encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.evaluation.metrics import per_query
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet, Query
from opensearch_clir.evaluation.statistics import mean_interval
from opensearch_clir.language.base import Detector
from opensearch_clir.language.query_spans import QuerySpans, query_spans
from opensearch_clir.language.registry import load_detector
from opensearch_clir.language.tokens import tokenize
from opensearch_clir.languages import LANGUAGES, canonical

#: Words of each half of a made-up mixed query.
HALF = (3, 6)

#: Lines of each file of `--sentences` that are read.
LINES = 250

SEED = 1


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--detector", default="langdetect")
    parser.add_argument("--hinglish", type=Path)
    parser.add_argument("--sentences", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    detector = load_detector(arguments.detector, list(LANGUAGES))
    encoder = load_encoder("embedded")
    helpdesk = read_set(Path(__file__).parent / "sets" / "helpdesk")
    queries = list(helpdesk.queries.values())
    natural = [(q.lang, q.text) for q in queries if q.kind == "natural"]
    found: dict[str, Any] = {
        "detector": arguments.detector,
        "monolingual": {"helpdesk": false_alarms(natural, detector)},
        "tokens": mixed_tokens(natural, detector),
        "codeswitch": codeswitched(helpdesk, detector, encoder),
    }
    if arguments.sentences:
        held_out = sentences(arguments.sentences)
        found["monolingual"]["sentences"] = false_alarms(held_out, detector)
        short = fragments(held_out)
        found["monolingual"]["fragments of 2-6 words"] = false_alarms(short, detector)
    if arguments.hinglish:
        found["hinglish"] = hinglish(arguments.hinglish, detector, encoder)
    print("\n".join(lines(found)))
    if arguments.json:
        text = json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True)
        arguments.json.write_text(text + "\n", encoding="utf-8")


def spans_of(texts: Sequence[str], detector: Detector) -> list[QuerySpans]:
    """Cut queries by language, all known languages being configured."""
    posteriors = detector.posteriors(texts)
    return [query_spans(t, p, LANGUAGES) for t, p in zip(texts, posteriors, strict=True)]


def false_alarms(pairs: Sequence[tuple[str, str]], detector: Detector) -> dict[str, Any]:
    """Return how often a query in one language is taken for mixed, cut or restored."""
    cut = spans_of([text for _, text in pairs], detector)
    both = list(zip(pairs, cut, strict=True))
    restored = [text for (_, text), spans in both if spans.restored() != text]
    return {
        "queries": len(pairs),
        "languages": len({code for code, _ in pairs}),
        "taken for mixed": rate([spans.mixed for spans in cut]),
        "own text unchanged": rate([s.text_for(code) == text for (code, text), s in both]),
        "words restored": rate([spans.restored() != text for (_, text), spans in both]),
        "restored": restored,
    }


def mixed_tokens(pairs: Sequence[tuple[str, str]], detector: Detector) -> dict[str, Any]:
    """Return token accuracy on queries made of an English half and one in another language.

    ``whole`` gives every token the best language of the query.
    """
    draw = random.Random(SEED)
    english = [half(text, draw) for code, text in pairs if code == "en"]
    result = {}
    for other in sorted({code for code, _ in pairs} - {"en"}):
        right = whole = total = 0
        drawn = [half(text, draw) for code, text in pairs if code == other]
        for number, part in enumerate(drawn):
            parts = [(other, part), ("en", english[number % len(english)])]
            draw.shuffle(parts)
            text = " ".join(words for _, words in parts)
            border = len(parts[0][1])
            (spans,) = spans_of([text], detector)
            (posterior,) = detector.posteriors([text])
            for span in spans.spans:
                if any(char.isalpha() for char in span.word):
                    expected = parts[0][0] if span.start < border else parts[1][0]
                    total += 1
                    right += span.language == expected
                    whole += posterior.primary == expected
        result[f"en+{other}"] = {
            "tokens": total,
            "spans": round(right / total, 4),
            "whole": round(whole / total, 4),
        }
    for name in ("spans", "whole"):
        mean = float(np.mean([row[name] for pair, row in result.items() if "+" in pair]))
        result.setdefault("mean", {"tokens": sum(row["tokens"] for row in result.values())})
        result["mean"][name] = round(mean, 4)
    return result


def half(text: str, draw: random.Random) -> str:
    """Return a stretch of a text: some words, or a third of one without spaces."""
    words = text.split()
    if len(words) == 1:
        return text[: max(4, len(text) // 3)]
    count = draw.randint(*HALF)
    start = draw.randrange(max(1, len(words) - count + 1))
    return " ".join(words[start : start + count])


def codeswitched(helpdesk: EvaluationSet, detector: Detector, encoder: Encoder) -> dict[str, Any]:
    """Return dense nDCG@10 of mixed queries and their monolingual twins, words restored or not."""
    mixed = [q for q in helpdesk.queries.values() if q.kind == "codeswitch" and q.twin]
    cut = spans_of([q.text for q in mixed], detector)
    documents = list(helpdesk.documents.values())
    vectors = encode(encoder, [f"{d.title}\n{d.text}" for d in documents], "passage")
    ids = [document.id for document in documents]

    def ndcg(texts: Sequence[str]) -> dict[str, float]:
        scores = encode(encoder, texts, "query") @ vectors.T
        run = {
            query.id: dict(zip(ids, map(float, row), strict=True))
            for query, row in zip(mixed, scores, strict=True)
        }
        judged = {query.id: helpdesk.qrels[query.id] for query in mixed}
        return per_query(judged, run, ["nDCG@10"])["nDCG@10"]

    twins = ndcg([helpdesk.queries[q.twin or ""].text for q in mixed])
    before, after = ndcg([s.text for s in cut]), ndcg([s.restored() for s in cut])
    romanised = {q.id for q, spans in zip(mixed, cut, strict=True) if spans.romanised}
    typed = {q.id for q in mixed if typed_in_latin(q)}
    return {
        "queries": len(mixed),
        "found mixed or romanised": rate([s.mixed or bool(s.romanised) for s in cut]),
        "main language right": rate(
            [spans.posterior.primary == q.lang for q, spans in zip(mixed, cut, strict=True)]
        ),
        "main language right, detector alone": rate(
            [
                p.primary == q.lang
                for q, p in zip(mixed, detector.posteriors([q.text for q in mixed]), strict=True)
            ]
        ),
        "romanised": {"queries": len(typed), "recognised": len(romanised & typed)},
        "all": drop(helpdesk, twins, before, after, set(twins)),
        "romanised queries": drop(helpdesk, twins, before, after, typed),
    }


def typed_in_latin(query: Query) -> bool:
    """Whether a query in a language of another script has Latin letters only."""
    scripts = {token.script for token in tokenize(query.text) if token.kind == "word"}
    return LANGUAGES[query.lang].script != "Latn" and scripts == {"Latn"}


def drop(
    helpdesk: EvaluationSet,
    twins: Mapping[str, float],
    before: Mapping[str, float],
    after: Mapping[str, float],
    chosen: set[str],
) -> dict[str, Any]:
    """Return means, and paired differences with 95% intervals by topic."""
    values = {
        "twin": {q: twins[q] for q in chosen},
        "as typed": {q: before[q] for q in chosen},
        "restored": {q: after[q] for q in chosen},
        "restored - as typed": {q: after[q] - before[q] for q in chosen},
        "twin - as typed": {q: twins[q] - before[q] for q in chosen},
        "twin - restored": {q: twins[q] - after[q] for q in chosen},
    }
    return {name: interval(helpdesk.topics, column) for name, column in values.items()}


def interval(topics: Mapping[str, str], values: Mapping[str, float]) -> dict[str, Any]:
    """Return a mean with its interval, rounded."""
    found = mean_interval(topics, values).as_json()
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}


def hinglish(file: Path, detector: Detector, encoder: Encoder) -> dict[str, Any]:
    """Return how well mixed queries find their English originals among all originals.

    Token accuracy is against a proxy: a word that stands in the row's English original is English,
    any other Hindi (an English synonym then counts as an error).
    """
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = [row for row in map(json.loads, stream) if row["split"] == "validation"]
    cut = spans_of([row["hi-en"] for row in rows], detector)
    originals = list(dict.fromkeys(row["en"] for row in rows))
    documents = encode(encoder, originals, "passage")
    gold = np.array([originals.index(row["en"]) for row in rows])
    typed = encode(encoder, [spans.text for spans in cut], "query")
    restored = encode(encoder, [spans.restored() for spans in cut], "query")
    ranks = {
        "as typed": ranked(typed, documents, gold),
        "restored": ranked(restored, documents, gold),
        "mean of both": ranked(typed + restored, documents, gold),
    }
    topics = {str(number): originals[place] for number, place in enumerate(gold)}
    result: dict[str, Any] = {
        "queries": len(rows),
        "originals": len(originals),
        "recognised": rate(["hi" in spans.romanised for spans in cut]),
        "tokens": proxy_accuracy(rows, cut),
    }
    measures: dict[str, Callable[[float], float]] = {
        "MRR": lambda rank: 1.0 / rank,
        "R@10": lambda rank: float(rank <= 10),
    }
    for measure, value in measures.items():
        values = {
            name: {str(n): value(rank) for n, rank in enumerate(column.tolist())}
            for name, column in ranks.items()
        }
        for name in ("restored", "mean of both"):
            values[f"{name} - as typed"] = {
                n: v - values["as typed"][n] for n, v in values[name].items()
            }
        result[measure] = {name: interval(topics, column) for name, column in values.items()}
    return result


def ranked(queries: Vectors, documents: Vectors, gold: Any) -> Any:
    """Return the rank from 1 of each query's own document, ties against it, shape (queries,)."""
    norms = np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
    scores = (queries / norms) @ documents.T
    own = scores[np.arange(len(gold)), gold]
    return (scores >= own[:, None]).sum(axis=1)


def proxy_accuracy(rows: Sequence[Mapping[str, str]], cut: Sequence[QuerySpans]) -> dict[str, Any]:
    """Return the share of words with the proxy's language, by that language."""
    right = {"en": 0, "hi": 0}
    total = {"en": 0, "hi": 0}
    for row, spans in zip(rows, cut, strict=True):
        original = {token.word for token in tokenize(row["en"])}
        for span in spans.spans:
            if span.word.isalpha():
                expected = "en" if span.word in original else "hi"
                total[expected] += 1
                right[expected] += span.language == expected
    return {
        code: {"tokens": total[code], "right": round(right[code] / total[code], 4)}
        for code in total
    }


def sentences(folder: Path) -> list[tuple[str, str]]:
    """Return held-out sentences with their languages."""
    found = []
    for file in sorted(folder.glob("tatoeba1k.*.tsv.gz")):
        code = file.name.split(".")[1]
        if code not in LANGUAGES:
            continue
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            lines = [line.rstrip("\n").split("\t") for line in stream][1 : 2 * LINES : 2]
        found += [(canonical(code), other) for _, other in lines]
        if code == "de":
            found += [("en", english) for english, _ in lines]
    return found


def fragments(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return 2 to 6 words of each text."""
    draw = random.Random(SEED)
    found = []
    for code, text in pairs:
        words = text.split()
        count = draw.randint(2, 6)
        start = draw.randrange(max(1, len(words) - count + 1))
        found.append((code, " ".join(words[start : start + count])))
    return found


def lines(found: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield a table, one figure a line, with its interval where it has one."""
    for name, value in found.items():
        here = (*path, name)
        if isinstance(value, Mapping) and "low" not in value:
            yield from lines(value, here)
        elif isinstance(value, Mapping):
            ends = f"[{value['low']:.4f}, {value['high']:.4f}]"
            yield f"{' / '.join(here):62} {value['value']:9.4f}  {ends}  {value['topics']} topics"
        elif isinstance(value, list):
            yield from (f"{' / '.join(here):62} {text}" for text in value)
        else:
            yield f"{' / '.join(here):62} {value:>9}"


def rate(flags: Sequence[bool]) -> float:
    """Return the share of true values."""
    return round(float(np.mean(flags)), 5)


if __name__ == "__main__":
    main()

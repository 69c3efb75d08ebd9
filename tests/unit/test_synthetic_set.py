"""The self-written questions: in the languages they claim, distinct, and apart from helpdesk."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from opensearch_clir.language.base import DOCUMENT_DETECTOR, QUERY_DETECTOR
from opensearch_clir.language.registry import load_detector
from opensearch_clir.languages import LANGUAGES
from opensearch_clir.training import corpora
from opensearch_clir.training.synthesis.config import Filters
from opensearch_clir.training.synthesis.likeness import Seen, copied_share, plain
from opensearch_clir.training.synthesis.templates import TASKS

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
FOLDER = BENCHMARKS / "synthetic"
HELPDESK = BENCHMARKS / "sets" / "helpdesk"

#: Characters of a stretch that two texts by chance rarely share.
STRETCH = 24


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    text = (FOLDER / "questions" / "self-written.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_it_is_a_room_of_questions_of_the_size_it_claims(rows: list[dict[str, Any]]) -> None:
    assert len(list(corpora.questions(FOLDER))) == len(rows)
    passages = {row["id"]: row["passage"] for row in rows}
    assert len(passages) == len(set(passages.values())) >= 150
    assert all(1 <= len(text.split("\n")) <= 4 for text in passages.values())
    languages = Counter(row["id"][:2] for row in {row["id"]: row for row in rows}.values())
    assert sum(count >= 2 for count in languages.values()) >= 30
    assert all(row["id"].startswith(f"{row['lang']}-") for row in rows)
    queries = Counter(row["id"] for row in rows)
    assert set(queries.values()) <= {2, 3, 4, 5}
    assert {row["task"] for row in rows} == set(TASKS)


def test_each_passage_is_asked_about_in_its_language_and_in_others(
    rows: list[dict[str, Any]],
) -> None:
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        asked[row["id"]].add(row["query_lang"])
    assert all(name[:2] in langs for name, langs in asked.items())
    assert all(len(langs) >= 2 for langs in asked.values())
    pairs = {(row["query_lang"], row["lang"]) for row in rows}
    both = {pair for pair in pairs if pair[0] != pair[1] and pair[::-1] in pairs}
    assert len(both) >= 60


def test_texts_are_in_the_languages_they_claim(rows: list[dict[str, Any]]) -> None:
    known = tuple(LANGUAGES)
    passages = {row["passage"]: row["lang"] for row in rows}
    found = load_detector(DOCUMENT_DETECTOR, known).posteriors(list(passages))
    guesses = [guess.primary for guess in found]
    assert guesses == list(passages.values())
    found = load_detector(QUERY_DETECTOR, known).posteriors([row["query"] for row in rows])
    least = Filters().language
    odd = [
        row["query"]
        for row, guess in zip(rows, found, strict=True)
        if guess.probabilities.get(row["query_lang"], 0) < least
    ]
    assert odd == []


def test_no_query_is_there_twice_or_copied_from_its_passage(rows: list[dict[str, Any]]) -> None:
    seen: dict[str, Seen] = defaultdict(lambda: Seen(Filters().near))
    twice = [row["query"] for row in rows if seen[row["query_lang"]].add(row["query"])]
    assert twice == []
    passages = Seen(0.5)
    assert not any(passages.add(text) for text in dict.fromkeys(row["passage"] for row in rows))
    limit = Filters().copy
    copies = [row["query"] for row in rows if copied_share(row["query"], row["passage"]) >= limit]
    assert copies == []


def test_nothing_is_shared_with_the_helpdesk(rows: list[dict[str, Any]]) -> None:
    texts = []
    for line in (HELPDESK / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        texts += [document["title"], document["text"]]
    with (HELPDESK / "queries.tsv").open(encoding="utf-8", newline="") as stream:
        texts += [row["text"] for row in csv.DictReader(stream, delimiter="\t")]
    stretches = {s for text in texts for s in _stretches(text)}
    assert len(stretches) > 100_000
    own = [text for row in rows for text in (row["query"], row["passage"])]
    shared = {text: [s for s in _stretches(text) if s in stretches] for text in own}
    assert {text: found for text, found in shared.items() if found} == {}


def _stretches(text: str) -> list[str]:
    same = plain(text)
    return [same[at : at + STRETCH] for at in range(max(0, len(same) - STRETCH) + 1)]

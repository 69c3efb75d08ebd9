"""Parts of a synthesis: configuration, templates, answers, passages, pace, likeness, filters."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training.synthesis import config as configuration
from opensearch_clir.training.synthesis import filters
from opensearch_clir.training.synthesis.answers import queries
from opensearch_clir.training.synthesis.config import Endpoint, Filters, Passages, Queries
from opensearch_clir.training.synthesis.filters import Candidate, filtered, ranks
from opensearch_clir.training.synthesis.likeness import Seen, copied_share, plain
from opensearch_clir.training.synthesis.pace import Pace, Window
from opensearch_clir.training.synthesis.passages import Passage, cut, passages, sampled
from opensearch_clir.training.synthesis.plan import Job, jobs
from opensearch_clir.training.synthesis.replies import Reply
from opensearch_clir.training.synthesis.templates import TASKS, Prompt, Templates
from synthesis_cases import chosen
from training_cases import jsonl

MINIMAL = """
data = "corpora"
work = "work"
[endpoint]
url = "https://h/v1"
model = "m"
[queries]
languages = ["en", "pt-BR"]
"""


def test_paths_are_beside_the_file_and_languages_canonical(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(MINIMAL + 'templates = "prompts"\n[passages]\nfile = "c.jsonl"\n')
    found = configuration.read(path)
    assert found.data == tmp_path / "corpora"
    assert found.passages.file == tmp_path / "c.jsonl"
    assert found.queries.templates == tmp_path / "prompts"
    assert found.queries.languages == ("en", "pt")
    assert found.out == tmp_path / "corpora" / "questions" / "llm.jsonl.gz"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("https://h/v1", "ftp://h", "url must be http"),
        ("https://h/v1", "https://bob:hunter2@h/v1", "url must hold no user"),
        ("https://h/v1", "https://h/v1?key=hunter2", "url must hold no user"),
        ('model = "m"', 'model = ""', "endpoint.model"),
        ('model = "m"', 'model = "m"\nkey_env = "sk-hunter2"', "not the key"),
        ('"https://h/v1"', '"http://h/v1"\nkey_env = "K"', "key would be readable"),
        ('model = "m"', 'model = "m"\nparameters = {stream = true, max_tokens = 1}', "stream"),
        ('model = "m"', 'model = "m"\nparameters = {}', "max_tokens or max_completion_tokens"),
        ('"pt-BR"', '"xx"', "unknown language"),
        ('"pt-BR"', '"en-GB"', "each once"),
        ('["en", "pt-BR"]', "[]", "queries.languages"),
        ('data = "corpora"', 'sourc = "x"', "sourc: unknown key"),
        ('data = "corpora"', 'data = "c"\nsource = "../x"', "source"),
        ("[queries]", "[budget]\ncost = 1.0\n[queries]", "cost needs"),
        ("[queries]", "[queries]\ntasks = {question = 0.0}", "share above 0"),
        ("[queries]", "[queries]\ntasks = {riddle = 1.0}", "queries.tasks.riddle"),
    ],
)
def test_settings_that_can_not_work_are_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "s.toml"
    assert old in MINIMAL
    path.write_text(MINIMAL.replace(old, new))
    with pytest.raises(ConfigurationError, match=r"s\.toml: ") as error:
        configuration.read(path)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_plain_http_is_for_this_machine_or_on_demand() -> None:
    Endpoint("http://127.0.0.1:8000/v1", "m", "KEY")
    Endpoint("http://inside.example/v1", "m", "KEY", plain_http=True)
    Endpoint("http://inside.example/v1", "m")


def test_our_templates_name_both_languages_and_the_passage() -> None:
    ours = Templates()
    for task in TASKS:
        system, user = ours.prompt(task, "fr", "ja", "costs $5 {a}", 3).messages
        assert system["role"] == "system"
        assert '{"queries": [' in system["content"]
        for part in ("French", "Japanese", "costs $5 {a}", "3"):
            assert part in user["content"]
    prompts = {ours.prompt(task, "fr", "ja", "p", 3).template for task in TASKS}
    assert len(prompts) == len(TASKS)
    assert ours.prompt("title", "fr", "ja", "p", 3).template in prompts


def test_the_most_special_template_wins(tmp_path: Path) -> None:
    names = ("question", "question.same", "question.cross", "question.fr", "question.fr-de")
    for name in names:
        (tmp_path / f"{name}.txt").write_text(f"{name}: $passage")
    (tmp_path / "system.txt").write_text("Be brief.")
    mine = Templates(tmp_path)

    def name(query: str, passage: str) -> str:
        system, user = mine.prompt("question", query, passage, "x", 1).messages
        assert system["content"] == "Be brief."
        return user["content"].removesuffix(": x")

    assert name("fr", "de") == "question.fr-de"
    assert name("fr", "en") == "question.fr"
    assert name("de", "fr") == "question.cross"
    assert name("de", "de") == "question.same"
    assert "keyword" in mine.prompt("keywords", "de", "de", "x", 1).messages[1]["content"]
    before = Templates().prompt("keywords", "de", "de", "x", 1).template
    assert mine.prompt("keywords", "de", "de", "x", 1).template != before


def test_wrong_templates_are_all_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder of templates"):
        Templates(tmp_path / "none")
    texts = {
        "riddle": "$passage",
        "question.xx": "$passage",
        "title": "no place",
        "keywords": "$passage $lang",
        "paraphrase": "$passage costs $5",
        "system": " ",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "question.txt").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError) as error:
        Templates(tmp_path)
    for said in (
        "riddle.txt is a name that is not looked for",
        "question.xx.txt is a name",
        "title.txt lacks $passage",
        "keywords.txt has the unknown place $lang",
        "paraphrase.txt is no template",
        "system.txt is empty",
        "question.txt can't be read",
    ):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"queries": ["a\\n b", " c "]}', ["a b", "c"]),
        ('```json\n{"queries": ["a"]}\n```', ["a"]),
        ('{"queries": ["a", " "]}', ["a"]),
    ],
)
def test_good_answers_are_read(content: str, found: list[str]) -> None:
    assert queries(Reply(content, "stop"), 2) == (found, None)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("", "stop"), "answer is not JSON"),
        (Reply('Sure: {"queries": ["a"]}', "stop"), "answer is not JSON"),
        (Reply('{"queries": ["a"]', "stop"), "answer is not JSON"),
        (Reply("[" * 100_000, "stop"), "answer is not JSON"),
        (Reply('["a"]', "stop"), "answer is not {"),
        (Reply('{"queries": "a"}', "stop"), "answer is not {"),
        (Reply('{"queries": [1]}', "stop"), "answer is not {"),
        (Reply('{"queries": ["a"], "note": 1}', "stop"), "answer is not {"),
        (Reply('{"queries": ["a", "b", "c"]}', "stop"), "answer has more queries"),
        (Reply('{"queries": [""]}', "stop"), "answer has no query"),
        (Reply('{"queries": ["a"]}', "length"), "answer cut off"),
        (Reply('{"queries": ["a"]}', "content_filter"), "answer withheld"),
    ],
)
def test_other_answers_are_refused_with_a_reason(reply: Reply, reason: str) -> None:
    found, why = queries(reply, 2)
    assert found == []
    assert (why or "").startswith(reason)


def test_texts_are_cut_in_whole_lines_and_long_lines_at_their_stops() -> None:
    limits = Passages(longest=100, lines=3)
    assert cut("a\n\n b \nc\nd", limits) == ["a\nb\nc", "d"]
    long = f"{'x' * 60}. {'y' * 30} {'z' * 50}"
    assert cut(long, limits) == [f"{'x' * 60}.", f"{'y' * 30} {'z' * 50}"]
    chinese = "字" * 70 + "。" + "字" * 70
    assert cut(chinese, limits) == ["字" * 70 + "。", "字" * 70]
    assert all(len(text) <= 100 for text in cut("w" * 1000, limits))
    assert "".join(cut("w" * 1000, limits)) == "w" * 1000


def test_passages_come_from_documents_with_reasons_for_those_left_out(tmp_path: Path) -> None:
    config = chosen(tmp_path, text_field="body", shortest=20)
    rows: list[Any] = [
        {"id": "a", "lang": "de-AT", "title": "Titel", "body": "Ein Satz, der lang genug ist."},
        {
            "id": "b",
            "body": "Une phrase française sans étiquette de langue, mais bien assez longue.",
        },
        {"id": "c", "lang": "xx", "body": "In a language that nobody knows at all."},
        {"id": "d", "lang": "en", "text": "in another field"},
        {"id": "e", "lang": "en", "body": "short"},
        {"id": "f", "lang": "de", "title": "Titel", "body": "Ein Satz, der lang genug ist."},
        [],
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, unused = passages(config)
    assert [(p.id, p.lang, p.text.split("\n")[0]) for p in found] == [
        ("a", "de", "Titel"),
        ("b", "fr", rows[1]["body"]),
    ]
    assert unused.pop("too short") == 1
    assert unused.pop("in an unknown language") == 1
    assert unused.pop("without text in the field 'body'") == 1
    ((reason, count),) = unused.items()
    assert reason.startswith("not readable (expected a JSON object")
    assert count == 1
    path.write_text(json.dumps(rows[4]))
    with pytest.raises(DataError, match=r"no passage to ask about \(1 too short\)"):
        passages(config)


def test_passages_come_from_the_pages_of_a_data_folder(tmp_path: Path) -> None:
    config = chosen(tmp_path, file=None)
    with pytest.raises(ConfigurationError, match="no such folder"):
        passages(config)
    page = {"lang": "en", "group": "g", "title": "T", "text": "a long enough line"}
    jsonl(config.data / "docs" / "p.jsonl.gz", [page, {**page, "lang": "nb", "text": "en linje"}])
    found, _ = passages(config)
    assert [(p.lang, p.group, p.text) for p in found] == [
        ("en", "p/g", "T\na long enough line"),
        ("no", "p/g", "T\nen linje"),
    ]


def test_samples_weigh_languages_and_grow_without_being_drawn_anew() -> None:
    found = [
        Passage(str(n), lang, "", f"{lang} {n}")
        for lang, size in (("en", 900), ("de", 100))
        for n in range(size)
    ]
    counts = {
        exponent: Counter(p.lang for p in sampled(found, 80, exponent, 1))
        for exponent in (0.0, 0.5, 1.0)
    }
    assert counts[0.0] == {"en": 40, "de": 40}
    assert counts[0.5] == {"en": 60, "de": 20}
    assert counts[1.0] == {"en": 72, "de": 8}
    small, large = sampled(found, 40, 0.5, 1), sampled(found, 400, 0.5, 1)
    assert set(small) < set(large)
    assert set(small) != set(sampled(found, 40, 0.5, 2))


def test_jobs_are_distinct_and_follow_the_shares(tmp_path: Path) -> None:
    config = chosen(
        tmp_path,
        queries=Queries(("en", "de", "fr"), 0.5, {"question": 3.0, "title": 1.0}, requests=2),
    )
    pool = [Passage(str(n), "de" if n % 2 else "ja", "", f"text {n}") for n in range(600)]
    found = jobs(pool, config, Templates())
    assert len({job.key for job in found}) == len(found) == 1200
    german = [job.query_lang for job in found if job.passage.lang == "de"]
    assert german.count("de") / len(german) == pytest.approx(0.5, abs=0.06)
    assert {job.query_lang for job in found if job.passage.lang == "ja"} == {"en", "de", "fr"}
    titles = sum(job.task == "title" for job in found) / len(found)
    assert titles == pytest.approx(0.27, abs=0.05)
    # A budget that stops early leaves every passage with its first request.
    assert len({job.passage for job in found[:600]}) == 600
    assert [job.key for job in jobs(pool[:9], config, Templates())] == [
        job.key for job in found if job.passage in pool[:9]
    ]


def test_a_window_never_passes_its_limit() -> None:
    window, now = Window(100), 0.0
    rng = np.random.default_rng(1)
    sent: list[tuple[float, int]] = []
    for _ in range(300):
        amount = int(rng.integers(1, 60))
        while wait := window.wait(amount, now):
            now += wait
        window.add(amount, now)
        sent.append((now, amount))
        assert sum(a for t, a in sent if t > now - 60) <= 100
        now += float(rng.random())
    # And it lets through what it can: 300 amounts of 30 at 100 a minute.
    assert now < 300 * 30 / 100 * 60 * 1.5


def test_windows_let_one_large_amount_through_alone_and_take_corrections() -> None:
    window = Window(10)
    assert window.wait(50, 0) == 0
    entry = window.add(50, 0)
    assert window.wait(1, 1) == 59.0
    entry[1] = 2
    assert window.wait(8, 1) == 0
    assert Window(0).wait(1e9, 0) == 0


def test_the_pace_pauses_and_ends_when_stopped() -> None:
    stop, now = threading.Event(), [0.0]
    pace = Pace(2, 0, stop, lambda: now[0])
    assert pace.go(5) is not None
    pace.pause(0.05)
    threading.Timer(0.02, lambda: now.__setitem__(0, 1.0)).start()
    assert pace.go(5) is not None
    threading.Timer(0.05, stop.set).start()
    assert pace.go(5) is None


def test_near_duplicates_are_found_among_many() -> None:
    rng = np.random.default_rng(3)
    words = ["".join(chr(97 + c) for c in rng.integers(0, 26, 7)) for _ in range(400)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(800)]
    seen = Seen(0.8)
    assert [seen.add(text) for text in texts] == [None] * 800
    assert seen.add(texts[5].upper() + "?!") == "duplicate"
    assert all(seen.add(f"{text}s") == "near duplicate" for text in texts)
    # Two words of eight exchanged: about 0.6 of the triples are shared.
    others = [" ".join([*text.split()[:-2], "zzzqqqx yyyppph"]) for text in texts[:50]]
    assert [seen.add(text) for text in others] == [None] * 50
    assert Seen(1.1).add("") is None


@pytest.mark.parametrize(
    ("query", "passage", "share"),
    [
        ("Damp sand keeps them sweet!", "Yes: damp SAND keeps, them sweet for months", 1.0),
        ("how do I keep carrots", "damp sand keeps them sweet for months", 0.0),
        ("sweet for months", "damp sand keeps them sweet for months", 0.0),  # too short to tell
        ("昆布は沸騰する直前に取り出します", "昆布は沸騰する直前に取り出します。", 1.0),
        ("why " + "damp sand keeps them sweet", "damp sand keeps them sweet", 26 / 30),
        ("", "x", 0.0),
    ],
)
def test_copies_are_measured_by_their_longest_stretch(
    query: str, passage: str, share: float
) -> None:
    assert copied_share(query, passage) == pytest.approx(share)


def test_plain_texts_are_folded() -> None:
    assert plain("  Ünïcode—Text, (2)!") == "unicode text 2"


class Letters:
    """Encodes a text as its counts of letters."""

    name, dimension, fingerprint = "letters", 26, "x"

    def encode(self, texts: Any, role: Role) -> Vectors:
        rows = [[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts]
        return np.array(rows, np.float32)


def candidate(query: str, passage: Passage, lang: str = "en") -> Candidate:
    return Candidate(query, Job(passage, "question", lang, Prompt((), ""), ""))


def test_ranks_count_passages_of_the_language_and_of_other_groups() -> None:
    own = Passage("1", "en", "g", "aab")
    pool = [
        own,
        Passage("2", "en", "", "aa"),
        Passage("3", "en", "g", "aa"),
        Passage("4", "de", "", "aa"),
        Passage("5", "en", "", "zz"),
    ]
    asked = [candidate("a", own), candidate("b", own), candidate("?", own)]
    assert ranks(asked, pool, Letters()) == [2, 1, 3]


def test_each_filter_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "load_encoder", lambda name: Letters())
    text = "Carrots keep for months in damp sand, if the cellar is cool and dark enough for them."
    own = Passage("1", "en", "", text)
    pool = [own, *(Passage(str(n), "en", "", "q" * n + "uickly") for n in range(2, 40))]
    asked = {
        "how long can carrots be stored over winter": None,
        "ab": "shorter than 3 characters",
        "where " * 60: "longer than 300 characters",
        "wie lange halten sich Möhren im Keller": "other language",
        "carrots keep for months in damp sand": "copy of the passage",
        "How long can carrots be stored over winter?": "duplicate",
        "how long can carrots be stored over winter now": "near duplicate",
        "quickly quit a quick quiz question": "passage not among the first 3",
    }
    rows = [candidate(query, own) for query in asked]
    kept, rejected = filtered(rows, pool, Filters(round_trip=3))
    found = {row.query: reason for row, reason in rejected} | {row.query: None for row in kept}
    assert found == asked
    assert len(filtered(rows, pool, Filters(round_trip=0))[0]) == 2
    # The same words in another language are another query.
    german = candidate("how long can carrots be stored over winter", own, "de")
    _, rejected = filtered([rows[0], german], pool, Filters(round_trip=0, language=0))
    assert rejected == []

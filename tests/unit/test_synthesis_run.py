"""Whole runs of a synthesis: asking, stopping, going on, paying once; and the command."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from filelock import FileLock

from llm_server import Handler, Server, refusing, running, saying
from opensearch_clir.cli.main import main
from opensearch_clir.errors import ConfigurationError, DataError, EndpointError
from opensearch_clir.training import corpora
from opensearch_clir.training.synthesis import ask as asking
from opensearch_clir.training.synthesis.client import Client
from opensearch_clir.training.synthesis.config import Budget
from opensearch_clir.training.synthesis.run import planned, synthesize
from synthesis_cases import chosen, corpus, rejected_of, rows_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as state:
        yield state


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BACKOFF", 0.02)
    monkeypatch.setattr(asking, "POLL", 0.01)


def silent(_: Any) -> None:
    """Take a report."""


def test_rows_have_their_origin_and_a_second_run_pays_nothing(
    server: Server, tmp_path: Path
) -> None:
    config = chosen(tmp_path, server.url)
    seen: list[str] = []
    report = synthesize(config, lambda row: seen.append(row["stage"]))
    assert list(dict.fromkeys(seen)) == ["plan", "ask", "filter"]
    assert (report["planned"], report["answered"], report["asked_now"]) == (12, 12, 12)
    assert report["spent"] == {"requests": 12, "tokens": 12 * 120}
    rows = rows_of(config)
    assert report["kept"] == len(rows) == 24
    assert sum(report["pairs"].values()) == 24
    assert {row["task"] for row in rows} == {"question"}
    assert {row["model"] for row in rows} == {"m1"}
    assert all(re.fullmatch("[0-9a-f]{16}", row["template"]) for row in rows)
    assert {row["id"] for row in rows} == {f"d{n}" for n in range(6)}
    assert any(row["query_lang"] == row["lang"] for row in rows)
    assert any(row["query_lang"] != row["lang"] for row in rows)
    # What is written is what the training reads.
    read = list(corpora.questions(config.data))
    assert [(q.lang, q.text, q.passage_lang, q.passage) for q in read] == [
        (row["query_lang"], row["query"], row["lang"], row["passage"]) for row in rows
    ]
    before = config.out.read_bytes()
    again = synthesize(config, silent)
    assert (again["asked_now"], again["spent"], len(server.requests)) == (0, report["spent"], 12)
    assert config.out.read_bytes() == before


def test_other_parameters_or_models_are_other_answers(server: Server, tmp_path: Path) -> None:
    synthesize(chosen(tmp_path, server.url), silent)
    synthesize(chosen(tmp_path, server.url, parameters={"max_tokens": 9}), silent)
    synthesize(chosen(tmp_path, server.url, model="m2"), silent)
    assert len(server.requests) == 36
    synthesize(chosen(tmp_path, server.url), silent)
    assert len(server.requests) == 36


def test_the_budget_stops_cleanly_and_more_of_it_goes_on(server: Server, tmp_path: Path) -> None:
    report = synthesize(chosen(tmp_path, server.url, budget=Budget(requests=5)), silent)
    assert report["stopped_by_budget"]
    assert (len(server.requests), report["answered"], report["kept"]) == (5, 5, 10)
    # The same budget is spent, whatever the number of runs.
    assert (
        synthesize(chosen(tmp_path, server.url, budget=Budget(requests=5)), silent)["asked_now"]
        == 0
    )
    config = chosen(tmp_path, server.url)
    report = synthesize(config, silent)
    assert (report["stopped_by_budget"], report["asked_now"]) == (False, 7)
    whole = config.out.read_bytes()
    (tmp_path / "once").mkdir()
    once = chosen(tmp_path / "once", server.url)
    synthesize(once, silent)
    assert once.out.read_bytes() == whole


def test_tokens_and_cost_are_never_passed(server: Server, tmp_path: Path) -> None:
    report = synthesize(chosen(tmp_path, server.url, tokens=2600, concurrency=4), silent)
    # A request takes 120, but might take about 1,500: threads wait for what others really took.
    assert report["stopped_by_budget"]
    assert report["answered"] >= 8
    assert report["spent"]["tokens"] == report["answered"] * 120 <= 2600
    assert server.most == 1
    (tmp_path / "b").mkdir()
    budget = Budget(cost=0.0085, prompt_price=1.0, completion_price=10.0)
    config = chosen(tmp_path / "b", server.url, budget=budget)
    report = synthesize(config, silent)
    assert report["stopped_by_budget"]
    assert report["spent"]["cost"] == pytest.approx(report["answered"] * 0.0003)
    assert report["answered"] >= 5


def test_lost_answers_count_all_that_they_may_have_cost(server: Server, tmp_path: Path) -> None:
    def cut_off(handler: Handler) -> None:
        handler.raw(b"{", length=99)
        handler.close_connection = True

    server.orders = [cut_off]
    config = chosen(tmp_path, server.url, number=1, concurrency=1)
    report = synthesize(config, silent)
    prompt = sum(len(m["content"].encode()) + 16 for m in server.requests[0]["messages"])
    assert report["spent"]["requests"] == report["answered"] + 1
    assert report["spent"]["tokens"] == report["answered"] * 120 + prompt + 600


def test_a_process_that_died_has_spent_what_it_may_have(server: Server, tmp_path: Path) -> None:
    config = chosen(tmp_path, server.url)
    synthesize(config, silent)
    ledger = config.work / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ends = [n for n, line in enumerate(lines) if b'"done"' in line]
    # Died while the last answer was being written: its line is cut off.
    ledger.write_bytes(b"".join(lines[: ends[-1]]) + lines[ends[-1]][:40])
    reserved = max(sum(json.loads(line)["reserved"]) for line in lines if b'"sent"' in line)
    report = synthesize(config, silent)
    assert (report["asked_now"], report["answered"]) == (1, 12)
    assert 12 * 120 < report["spent"]["tokens"] - 600 <= 12 * 120 + reserved - 600
    assert report["spent"]["requests"] == 13
    synthesize(config, silent)
    ledger.write_bytes(b"{}\n" + ledger.read_bytes())
    with pytest.raises(DataError, match=r"ledger\.jsonl, line 1: damaged"):
        synthesize(config, silent)


def test_busy_and_failing_endpoints_are_asked_again(server: Server, tmp_path: Path) -> None:
    server.orders = [
        refusing(429, Retry_After="1"),
        refusing(500),
        refusing(503),
        lambda h: h.raw(b"<html>"),
    ]
    config = chosen(tmp_path, server.url, concurrency=1)
    report = synthesize(config, silent)
    assert (report["answered"], report["spent"]["requests"]) == (12, 16)
    assert server.times[1] - server.times[0] >= 1.0


def test_a_pause_holds_for_all_threads(server: Server, tmp_path: Path) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(0.2)
        handler.good()

    server.always = slow
    server.orders = [refusing(429, Retry_After="1")]
    synthesize(chosen(tmp_path, server.url, concurrency=4), silent)
    gaps = [later - sooner for sooner, later in pairwise(server.times)]
    assert max(gaps) >= 0.7
    # Not only the request that was refused came after the pause.
    assert len(gaps) - gaps.index(max(gaps)) >= 4


def test_an_endpoint_that_asks_for_too_much_patience_ends_the_run(
    server: Server, tmp_path: Path
) -> None:
    server.orders = [None, refusing(429, Retry_After="3600")]
    with pytest.raises(EndpointError, match=r"3600 s, too long.*goes on"):
        synthesize(chosen(tmp_path, server.url, concurrency=1), silent)
    assert len(server.requests) == 2
    assert synthesize(chosen(tmp_path, server.url), silent)["asked_now"] == 11


@pytest.mark.parametrize(
    ("status", "requests", "said"),
    [(401, 1, "check the key"), (400, 3, "3 times in a row: status 400"), (500, 6, "status 500")],
)
def test_hopeless_endpoints_end_the_run(
    server: Server, tmp_path: Path, status: int, requests: int, said: str
) -> None:
    server.always = refusing(status)
    config = chosen(tmp_path, server.url, concurrency=1, attempts=2)
    with pytest.raises(EndpointError, match=said):
        synthesize(config, silent)
    assert len(server.requests) == requests
    assert not config.out.exists()


def test_single_prompts_that_are_refused_are_set_aside(server: Server, tmp_path: Path) -> None:
    def picky(handler: Handler) -> None:
        refused = "carrots" in handler.asked["messages"][1]["content"]
        (refusing(400, "filtered") if refused else Handler.good)(handler)

    server.always = picky
    config = chosen(tmp_path, server.url, concurrency=1)
    report = synthesize(config, silent)
    assert report["unanswered"] == {"status 400: filtered": 2}
    assert report["answered"] == 10
    # Asked again last, and no reason to give up: nothing else is left.
    assert synthesize(config, silent)["unanswered"] == {"status 400: filtered": 2}
    server.always = None
    assert synthesize(config, silent)["answered"] == 12


def test_unusable_answers_are_paid_once_and_kept_with_their_reason(
    server: Server, tmp_path: Path
) -> None:
    server.orders = [saying("Sure! Here are some"), saying('{"queries": ["a'), saying("", "length")]
    config = chosen(tmp_path, server.url, concurrency=1)
    report = synthesize(config, silent)
    assert report["rejected"] == {
        "answer is not JSON": 2,
        "answer cut off at the limit of tokens": 1,
    }
    kept = [row for row in rejected_of(config) if row["reason"] == "answer is not JSON"]
    assert kept[0]["answer"] == "Sure! Here are some"
    assert kept[0]["passage"]
    assert synthesize(config, silent)["asked_now"] == 0


def test_requests_run_side_by_side_but_not_more_than_allowed(
    server: Server, tmp_path: Path
) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(0.3)
        handler.good()

    server.always = slow
    synthesize(chosen(tmp_path, server.url, concurrency=3), silent)
    assert server.most == 3


def test_two_processes_do_not_share_a_folder(tmp_path: Path) -> None:
    config = chosen(tmp_path)
    config.work.mkdir()
    with FileLock(config.work / ".lock"), pytest.raises(ConfigurationError, match="another pro"):
        synthesize(config, silent)


def test_a_dry_run_sends_and_writes_nothing(server: Server, tmp_path: Path) -> None:
    config = chosen(tmp_path, server.url, prompt_price=2.0)
    plan = planned(config)
    assert (plan["requests"], plan["answered"], server.requests) == (12, 0, [])
    assert plan["passages"] == {"de": 2, "en": 2, "fr": 2}
    assert not config.work.exists()
    assert plan["first_prompt"][0]["role"] == "system"
    assert plan["estimated_cost"] > 0
    synthesize(config, silent)
    plan = planned(config)
    assert (plan["answered"], plan["estimated_tokens"], plan["first_prompt"]) == (12, 0, [])
    assert plan["spent"]["requests"] == 12


def test_an_unwritable_ledger_ends_the_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("opensearch_clir.training.synthesis.ledger.Ledger._write", full)
    with pytest.raises(OSError, match="No space left"):
        synthesize(chosen(tmp_path, server.url), silent)
    assert server.requests == []


def test_an_unforeseen_error_is_not_swallowed_and_nobody_waits_for_ever(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        time.sleep(0.1)
        raise ZeroDivisionError

    monkeypatch.setattr(Client, "ask", broken)
    # The first request may take all of the budget, so the others wait for it.
    with pytest.raises(ZeroDivisionError):
        synthesize(chosen(tmp_path, server.url, tokens=1700, concurrency=4), silent)


def test_threads_end_with_the_run(server: Server, tmp_path: Path) -> None:
    before = threading.active_count()
    server.always = refusing(401)
    with pytest.raises(EndpointError):
        synthesize(chosen(tmp_path, server.url), silent)
    # The server's own threads for kept connections end on their own.
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before
    assert isinstance(Client(chosen(tmp_path).endpoint), Client)


def toml(folder: Path, server: Server, **endpoint: Any) -> Path:
    """Write a configuration file."""
    corpus(folder)
    rows = {"url": server.url, "model": "m1", **endpoint}
    lines = ['data = "data"', 'work = "work"', "[endpoint]"]
    lines += [f"{name} = {json.dumps(value)}" for name, value in rows.items()]
    lines += ["[queries]", 'languages = ["en", "de", "fr"]']
    lines += ["[passages]", 'file = "corpus.jsonl"', "shortest = 10", "[filters]", "round_trip = 0"]
    path = folder / "synthesis.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_command_prints_json_lines_and_one_line_errors(server: Server, tmp_path: Path) -> None:
    path = toml(tmp_path, server)
    done = CliRunner().invoke(main, ["synthesize", str(path), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["requests"] == 12
    assert server.requests == []
    done = CliRunner().invoke(main, ["synthesize", str(path)])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    stages = dict.fromkeys(row["stage"] for row in rows)
    assert list(stages) == ["plan", "ask", "filter", "done"]
    assert (tmp_path / "data" / "questions" / "llm.jsonl.gz").exists()
    server.always = refusing(404)
    toml(tmp_path, server, model="other")
    done = CliRunner().invoke(main, ["synthesize", str(path)])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the endpoint http://127.0.0.1:")
    assert done.stderr.count("\n") == 1


def test_the_example_of_the_guide_runs(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "guides" / "training.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(# synthesis\.toml.*?)```", page, re.DOTALL)
    (tmp_path / "synthesis.toml").write_text(
        example.replace("https://llm.example.com/v1", server.url), encoding="utf-8"
    )
    corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_KEY", "k3y")
    lines = re.findall(r"^clir (synthesize [^#\n]*)", page, re.MULTILINE)
    assert [line.split()[1:] for line in lines] == [
        ["synthesis.toml", "--dry-run"],
        ["synthesis.toml"],
    ]
    for line in lines:
        done = CliRunner().invoke(main, line.split())
        assert done.exit_code == 0, done.output
    assert set(server.keys) == {"Bearer k3y"}
    report = json.loads((tmp_path / "synthesis" / "report.json").read_text(encoding="utf-8"))
    assert report["kept"] == len(list(corpora.questions(tmp_path / "corpora"))) > 0
    assert "k3y" not in "".join(
        path.read_text(encoding="utf-8") for path in (tmp_path / "synthesis").glob("*.json*")
    )


@pytest.mark.parametrize("signals", [1, 2])
def test_control_c_keeps_paid_answers(server: Server, tmp_path: Path, signals: int) -> None:
    release = threading.Event()
    program = "from opensearch_clir.cli.main import main; main()"

    def slow(handler: Handler) -> None:
        if len(server.requests) > 4:
            release.wait(20)
        handler.good()

    server.always = slow
    path = toml(tmp_path, server, concurrency=2)
    with subprocess.Popen(
        [sys.executable, "-c", program, "synthesize", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 60
        while len(server.requests) < 6 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        if signals == 2:
            process.send_signal(signal.SIGINT)
            process.wait(15)
        release.set()
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert "the same command goes on" in error
    assert "Traceback" not in error
    assert len(server.requests) == 6
    done = CliRunner().invoke(main, ["synthesize", str(path)])
    report = json.loads(done.stdout.splitlines()[-1])
    # With one signal the two under way were waited for; with two they are asked again.
    assert report["asked_now"] == (6 if signals == 1 else 8)
    assert report["answered"] == 12

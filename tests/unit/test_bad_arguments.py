"""Odd addresses, arguments, values and files: each is told in one line, without secrets."""

from __future__ import annotations

import datetime
import decimal
import errno
import json
import math
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import numpy as np
import pytest
from click.testing import CliRunner
from opensearchpy import exceptions as server_errors

from ingest_cases import enricher
from opensearch_clir.addresses import parse_addresses
from opensearch_clir.cli.common import Commands, open_client, report_errors
from opensearch_clir.cli.local import status
from opensearch_clir.cluster import connect, deepest_cause
from opensearch_clir.encoders import load_encoder
from opensearch_clir.errors import (
    ConfigurationError,
    DataError,
    EncoderError,
    LocalServerError,
    QueryError,
)
from opensearch_clir.index_templates import Generation
from opensearch_clir.ingest.chunks import Item
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.records import Record, read_action, read_document
from opensearch_clir.ingest.rejected import DeadLetters, Rejected
from opensearch_clir.ingest.send import Sender
from opensearch_clir.local.find import from_environment
from opensearch_clir.local.paths import made_usable
from opensearch_clir.query import arguments
from opensearch_clir.settings import load_settings
from opensearch_clir.setup import run as setup_run
from opensearch_clir.setup import vectors as setup_vectors
from opensearch_clir.setup.inspect import IndexState, Member
from opensearch_clir.setup.plan import plan_setup


class TestAddresses:
    """What a user may give as the address of a cluster."""

    @pytest.mark.parametrize(
        "text",
        [
            "http://bob:s3cr#et@127.0.0.1:9200",
            "http://bob:s3cr?et@127.0.0.1:9200",
            "bob:s3cr@et:w/rd@127.0.0.1",
            "bob:s3cr,et@127.0.0.1",
            "http://s3cr:bad",
            "http://s3cr:99999",
            "http://s3cr:0",
            "http://",
            "http://[::1",
            "s3cr et",
            "ftp://bob:s3cr@et",
            "s3cr!et",
            " , ",
        ],
    )
    def test_malformed_ones_are_refused_and_not_repeated(
        self, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_addresses(text)
        assert "s3cr" not in str(caught.value)
        assert "bob" not in str(caught.value)
        assert caught.value.__cause__ is None
        monkeypatch.setenv("OPENSEARCH_URL", text)
        if text.strip(" ,"):
            with pytest.raises(ConfigurationError):
                from_environment()

    @pytest.mark.parametrize(
        ("text", "urls"),
        [
            ("localhost", ["http://localhost:9200"]),
            ("https://search.example", ["https://search.example:443"]),
            ("http://[::1]:9/x/", ["http://[::1]:9/x"]),
            ("http://a:9, http://b:9200", ["http://a:9", "http://b:9200"]),
        ],
    )
    def test_well_formed_ones(self, text: str, urls: list[str]) -> None:
        assert [address.url for address in parse_addresses(text)] == urls
        hosts = connect(load_settings(None), text).transport.hosts
        assert len(hosts) == len(urls)

    def test_credentials_are_decoded_and_kept_out_of_sight(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = "https://bob:s3cr%23et@h:1"
        (address,) = parse_addresses(text)
        assert (address.username, address.password) == ("bob", "s3cr#et")
        assert "s3cr" not in f"{address!r} {address.url}"
        client = connect(load_settings(None), text)
        assert "authorization" in client.transport.get_connection().headers
        assert "s3cr" not in repr(client)
        monkeypatch.setenv("OPENSEARCH_URL", text)
        server = from_environment()
        assert server is not None
        assert (server.url, server.credentials()) == ("https://h:1", ("bob", "s3cr#et"))

    def test_status_names_the_given_server(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("CLIR_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("OPENSEARCH_URL", "http://bob:s3cr@h:1")
        result = CliRunner().invoke(status)
        assert "OPENSEARCH_URL is set" in result.stderr
        assert "s3cr" not in result.output


def test_equal_reasons_are_told_once() -> None:
    inner = {"type": "x", "reason": "bad", "caused_by": {"reason": "bad"}}
    assert deepest_cause({"type": "x", "reason": "bad", "caused_by": inner}) == ("x", "bad")


class TestFiles:
    """Folders, full disks and files that are not text."""

    def test_unusable_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(LocalServerError, match="set CLIR_DATA_DIR"):
            made_usable(tmp_path / "file" / "data", "CLIR_DATA_DIR")

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (OSError(errno.ENOSPC, "No space left"), "can't write the output: No space left"),
            (OSError(errno.EACCES, "Not allowed", "/x/y"), "/x/y: Not allowed"),
            (BrokenPipeError(errno.EPIPE, "Broken pipe"), ""),
        ],
    )
    def test_errors_of_the_file_system(self, error: OSError, told: str) -> None:
        @click.group(cls=Commands)
        def group() -> None:
            pass

        @group.command()
        @report_errors
        def fail() -> None:
            raise error

        result = CliRunner().invoke(group, ["fail"])
        assert result.exit_code == 1
        assert result.stderr == (f"Error: {told}\n" if told else "")

    def test_password_file_must_be_text(self, tmp_path: Path) -> None:
        (tmp_path / "p").write_bytes(b"s3cr\xff")
        with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
            open_client(password_file=tmp_path / "p")
        assert "s3cr" not in str(caught.value)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    def test_full_disk_under_the_dead_letters(self) -> None:
        with DeadLetters(Path("/dev/full")) as letters:
            with pytest.raises(ConfigurationError, match="dead letters to /dev/full"):
                letters(Rejected("a", "read", "x"))
            letters(Rejected("b", "read", "x"))
        assert letters.total == 2

    @pytest.mark.parametrize("name", ["in.jsonl", "in"])
    def test_binary_input(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(bytes(range(1, 256)) * 50)
        with pytest.raises(DataError, match="is not text"):
            list(read(path))

    @pytest.mark.parametrize("name", ["/nope/model", "./nope", "~/nope/x", "a/b/c"])
    def test_missing_encoder_folder(self, name: str) -> None:
        with pytest.raises(EncoderError, match="no such folder"):
            load_encoder(name)


class TestValues:
    """Documents and actions that are none, and values that JSON does not have."""

    @pytest.mark.parametrize("action", [None, 5, [], {"_id": ["x"]}, {"_id": True}, {"_id": 1.5}])
    def test_what_is_no_action_is_rejected(self, action: Any) -> None:
        result = read_action(action)
        assert isinstance(result, Rejected)
        assert result.reason.startswith("not an action: ")

    @pytest.mark.parametrize("document", [None, "text", {"id": True}, {"id": ["x"]}, {"id": 1.5}])
    def test_what_is_no_document_is_rejected(self, document: Any) -> None:
        assert isinstance(read_document(document, "id"), Rejected)

    def test_usable_ids(self) -> None:
        for given in ("7", 7, np.int64(7)):
            record = read_document({"id": given}, "id")
            assert isinstance(record, Record)
            assert record.id == "7"

    @pytest.mark.parametrize("value", [{1}, object(), b"x", np.array([math.nan]), {(1, 2): 3}])
    def test_values_that_json_does_not_have(self, value: Any) -> None:
        (result,) = enricher().enrich([{"text": "x", "n": value}])
        assert isinstance(result, Rejected)
        assert len(result.reason) < 80

    def test_values_that_the_client_writes(self) -> None:
        values = [datetime.date(2020, 1, 2), decimal.Decimal(1), uuid.uuid4(), np.array([1.5])]
        (result,) = enricher().enrich([{"text": "x", "n": values}])
        assert not isinstance(result, Rejected)


class TestDeadLetters:
    """Readable by every tool, and safe to feed again."""

    def test_only_json(self, tmp_path: Path) -> None:
        odd = {"n": [math.nan, 1.5], (1, 2): {3}}
        letter = Rejected("a", "enrich", "x", 1, odd).to_json()
        found = json.loads(letter, parse_constant=lambda name: pytest.fail(name))
        assert found["source"] == {"n": ["nan", 1.5], "(1, 2)": "{3}"}

    def test_a_duplicate_does_not_replace_the_first(self, tmp_path: Path) -> None:
        path = tmp_path / "dead.jsonl"
        with DeadLetters(path) as letters:
            letters(Rejected("z", "read", "x", 1, {"n": 0}))
            for item in first_of_each_id([Record({"n": 1}, "a"), Record({"n": 2}, "a")]):
                if isinstance(item, Rejected):
                    letters(item)
        good, again = read(path)
        assert isinstance(good, Record)
        assert isinstance(again, Rejected)
        assert again.duplicate == "a"
        path.write_text(path.read_text().replace('"id": "a"', '"id": "b"'))
        assert [item.id for item in read(path) if isinstance(item, Record)] == ["z", "b"]


class TestArguments:
    """Of a search."""

    @pytest.mark.parametrize("value", ["10", None, 1.5, True])
    def test_size(self, value: Any) -> None:
        with pytest.raises(QueryError, match="size must be a whole number"):
            arguments.whole_number("size", value)
        assert arguments.whole_number("size", np.int32(3)) == 3

    @pytest.mark.parametrize("value", ["a", math.nan, 2, -0.1, True])
    def test_min_score(self, value: Any) -> None:
        with pytest.raises(QueryError, match="min_score"):
            arguments.probability("min_score", value)
        assert arguments.probability("min_score", 1) == 1.0

    @pytest.mark.parametrize("value", ["abc", [1], 5])
    def test_filter(self, value: Any) -> None:
        with pytest.raises(QueryError, match="filter"):
            arguments.clauses(value)
        assert arguments.clauses({"term": {}}) == [{"term": {}}]

    @pytest.mark.parametrize("value", [5, {"fr": "x"}, {"fr": math.nan}, {1: 1.0}, ["fr"]])
    def test_languages(self, value: Any) -> None:
        with pytest.raises(QueryError, match="languages"):
            arguments.language_hint(value)


OLD = Generation("ab12cd34", "embedded", "f" * 64, 4, {"matching": (0.1, 0.2)})
NEW = Generation("ffffffff", "better", "e" * 64, 8, {"matching": (0.1, 0.2)})


def set_up_state(generations: tuple[Generation, ...] = (OLD,), enriched: int = 10) -> IndexState:
    empty = IndexState("docs", "missing", plugins=frozenset({"opensearch-knn"}))
    chosen = load_settings(None, languages="en,de,fr", fields="title^2,text")
    state = empty
    for generation in generations:
        plan = plan_setup(state, chosen, generation)
        meta = {"clir": {**plan.schema.to_meta(), "setup": {"name": "docs"}}}
        member = Member("docs", {"index.knn": "true"}, {"_meta": meta}, {}, 10, enriched, 1)
        state = IndexState("docs", "concrete", (member,), plugins=empty.plugins)
    return state


class TestSetupPlan:
    """What a plan says."""

    def test_dropped_languages_are_counted(self) -> None:
        plan = plan_setup(set_up_state(), load_settings(None, languages="fr"), OLD)
        assert any("2 of 3 languages are dropped (en, de)" in note for note in plan.notes)
        assert "0 of" not in plan.cost

    def test_fields_and_new_encoder_are_named(self) -> None:
        plan = plan_setup(set_up_state(), load_settings(None), NEW)
        assert "text of title^2, text" in plan.summary
        assert "beside them, of 'better'" in plan.summary

    def test_pending_generation(self) -> None:
        schema = set_up_state((OLD, NEW)).schemas()["docs"]
        assert setup_vectors._pending(schema, "docs").encoder == "better"
        with pytest.raises(Exception, match="--encoder"):
            setup_vectors._pending(set_up_state().schemas()["docs"], "docs")

    def test_changed_files_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = SimpleNamespace(fingerprint="0" * 64)
        monkeypatch.setattr(setup_run, "load_encoder", lambda name, **prompts: found)
        problem = setup_run._changed_files(set_up_state(), OLD)
        assert problem is not None
        assert "have changed" in problem
        plan = plan_setup(set_up_state(), load_settings(None), OLD).with_problem(problem)
        assert plan.notes[0] == problem
        assert "everything is set up already" not in plan.summary

    def test_upper_case_is_refused_before_the_plan(self) -> None:
        missing = IndexState("UPPER", "missing", plugins=frozenset({"opensearch-knn"}))
        with pytest.raises(Exception, match="lower case"):
            plan_setup(missing, load_settings(None), OLD)


def test_silent_retries_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    class Gone:
        def bulk(self, **arguments: Any) -> None:
            raise server_errors.ConnectionError("N/A", "gone", None)

    sender = Sender(cast("Any", Gone()), "docs", 3, 0, 0, threading.Event())
    items = [Item(Record({"a": 1}, "x"), b"{}")]
    assert sender.send(items).fatal is not None
    assert sender.send(items).fatal is not None
    assert [record.message for record in caplog.records].count(
        "no answer from the cluster: trying again for a while"
    ) == 1


def test_interrupt_while_the_commands_load() -> None:
    script = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'opensearch_clir.cli.search': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "import opensearch_clir.cli.main\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_main_is_still_a_command() -> None:
    from opensearch_clir.cli.main import main

    assert isinstance(cast("object", main), click.Group)

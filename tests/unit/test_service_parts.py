"""Parts of the service by themselves: batches, options, numbers for ML Commons."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.service.batching import Batcher
from opensearch_clir.service.carried import carried
from opensearch_clir.service.options import Limits, ServeOptions, is_loopback, read_token
from opensearch_clir.service.run import Listen


def test_what_waits_while_a_batch_is_in_work_becomes_the_next() -> None:
    sizes: list[int] = []
    first = threading.Event()

    def work(items: Sequence[int]) -> list[int]:
        first.wait(5)
        return [item * 10 for item in items]

    async def run() -> list[int]:
        batcher = Batcher(work, 8, sizes.append)
        waiting = [asyncio.create_task(batcher.submit(0))]
        await asyncio.sleep(0.05)
        waiting += [asyncio.create_task(batcher.submit(i)) for i in range(1, 20)]
        await asyncio.sleep(0.05)
        first.set()
        results = await asyncio.gather(*waiting)
        batcher.close()
        return list(results)

    assert asyncio.run(run()) == [i * 10 for i in range(20)]
    assert sizes == [1, 8, 8, 3]


def test_an_error_reaches_its_batch_and_no_other() -> None:
    def work(items: Sequence[str]) -> Sequence[str]:
        if "bad" in items:
            raise ValueError("no")
        return items

    async def run() -> None:
        batcher = Batcher(work, 4)
        with pytest.raises(ValueError, match="no"):
            await batcher.submit("bad")
        assert await batcher.submit("good") == "good"
        batcher.close()

    asyncio.run(run())


def test_nobody_works_for_who_gave_up() -> None:
    seen: list[str] = []
    go = threading.Event()

    def work(items: Sequence[str]) -> Sequence[str]:
        go.wait(5)
        seen.extend(items)
        return items

    async def run() -> None:
        batcher = Batcher(work, 4)
        first = asyncio.create_task(batcher.submit("first"))
        await asyncio.sleep(0.02)
        gone = asyncio.create_task(batcher.submit("gone"))
        last = asyncio.create_task(batcher.submit("last"))
        await asyncio.sleep(0.02)
        gone.cancel()
        go.set()
        assert await first == "first"
        assert await last == "last"
        batcher.close()

    asyncio.run(run())
    assert seen == ["first", "last"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"term": {"k": 410}}, {"term": {"k": "410"}}),
        ({"terms": {"n": [1, 2.5, True, None]}}, {"terms": {"n": ["1", 2.5, True, None]}}),
        ({"simple_query_string": {"flags": -1}},) * 2,
        ({"a": 12345678901234567890}, {"a": "12345678901234567890"}),
        ({"script_score": {"script": {"params": {"x": [0.5]}}}},) * 2,
        ({"bool": {"filter": {"script": {"script": {"params": {"i": 1}}}}}}, None),
        ({"bool": {"filter": [{"range": {"d": {"gte": 1}}}, {"x": {"params": [{"a": 1}]}}]}}, None),
    ],
)
def test_whole_numbers_travel_as_text_but_not_in_scripts(query: Any, wanted: Any) -> None:
    assert carried(query) == wanted


def test_options_reach_the_workers_whole() -> None:
    options = ServeOptions({"url": "http://a"}, ("x", "y"), "/t", 0.2, Limits(body=1, seconds=2.5))
    assert ServeOptions.from_json(options.to_json()) == options


@pytest.mark.parametrize("name", ["body", "waiting", "documents", "batch", "seconds", "threads"])
def test_limits_let_something_through(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Limits(**{name: 0})


@pytest.mark.parametrize(
    "content", [b"short", b"", b"sixteen or more characters", "é".encode() * 20, b"\xff" * 20]
)
def test_a_token_must_be_hard_to_guess_and_fit_a_header(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_token(file)
    assert "sixteen or more characters" not in str(caught.value)
    assert read_token(None) is None
    file.write_text("0123456789abcdef\n")
    assert read_token(file) == "0123456789abcdef"
    with pytest.raises(ConfigurationError, match="can't read"):
        read_token(tmp_path / "missing")


def test_an_open_door_must_be_meant() -> None:
    options = ServeOptions()
    Listen("127.0.0.1").check(options)
    Listen("0.0.0.0", open_to_all=True).check(options)
    Listen("0.0.0.0").check(ServeOptions(token_file="/t"))
    with pytest.raises(ConfigurationError, match="--token-file or --client-ca"):
        Listen("0.0.0.0").check(options)
    with pytest.raises(ConfigurationError, match="both"):
        Listen(certificate=Path("c")).check(options)
    with pytest.raises(ConfigurationError, match="needs TLS"):
        Listen(client_ca=Path("c")).check(options)


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("[::1]", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("clir.internal", False), ("::", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, local: bool) -> None:
    assert is_loopback(host) is local

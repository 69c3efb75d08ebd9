"""Writing to a real server: what goes in, what is refused, what is tried again."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch
from opensearchpy import exceptions as server_errors

from opensearch_clir.errors import (
    ClusterReadOnlyError,
    ClusterUnreachableError,
    DataError,
    IndexClosedError,
    IndexMissingError,
)
from opensearch_clir.ingest.bulk import Report, WriteInterrupted, write
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import Rejected

MAPPING = {"properties": {"n": {"type": "long"}, "t": {"type": "text"}}}


@pytest.fixture
def index(client: OpenSearch, index_name: str) -> str:
    body = {"mappings": MAPPING, "settings": {"number_of_replicas": 0, "number_of_shards": 1}}
    client.indices.create(index=index_name, body=body)
    return index_name


def documents(count: int) -> Iterator[Record]:
    return (Record({"n": n}, str(n)) for n in range(count))


def count(client: OpenSearch, index: str) -> int:
    client.indices.refresh(index=index)
    return int(client.count(index=index)["count"])


class Wrapped:
    """The client, with something done before or instead of each bulk request that is still sent."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client
        self.sent: list[int] = []
        self.flying = self.most = 0
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def before(self, number: int) -> None:
        """Run before request `number`, from 0; may raise."""

    def after(self, number: int) -> None:
        """Run once the server has answered; may raise."""

    def bulk(self, **arguments: Any) -> Any:
        with self._lock:
            number = len(self.sent)
            self.sent.append(len(arguments["body"]))
            self.flying += 1
            self.most = max(self.most, self.flying)
        try:
            self.before(number)
            answer = self._client.bulk(**arguments)
            self.after(number)
            return answer
        finally:
            with self._lock:
                self.flying -= 1


def test_all_is_written_visible_and_bounded(client: OpenSearch, index: str) -> None:
    wrapped = Wrapped(client)
    report = write(wrapped, documents(2_500), index=index, chunk_docs=200)  # type: ignore[arg-type]
    assert (report.indexed, dict(report.rejected), report.unsent) == (2_500, {}, 0)
    assert client.count(index=index)["count"] == 2_500
    assert (len(wrapped.sent), wrapped.most <= 2) == (13, True)
    assert {"input", "server", "total"} <= set(report.seconds)


def test_operations_of_the_helpers(client: OpenSearch, index: str) -> None:
    actions: list[Any] = [
        {"_id": "a", "_index": "somewhere-else", "n": 1},
        {"_op_type": "update", "_id": "a", "doc": {"t": "x"}},
        {"_op_type": "create", "_id": "b", "n": 2},
        {"_op_type": "delete", "_id": "b"},
        {"_op_type": "delete", "_id": "never there"},
        {"n": 3},
        Rejected("r", "enrich", "no text"),
        {"_op_type": "create", "_id": "a", "n": 9},
        {"_op_type": "update", "_id": "missing", "doc": {}},
    ]
    rejected: list[Rejected] = []
    report = write(client, actions, index=index, on_rejected=rejected.append)
    assert report.indexed == 6
    assert client.get(index=index, id="a")["_source"] == {"n": 1, "t": "x"}
    assert count(client, index) == 2
    assert not client.indices.exists(index="somewhere-else")
    reasons = {r.id: r.reason for r in rejected}
    assert "version_conflict_engine_exception" in reasons["a"]
    assert "document_missing_exception" in reasons["missing"]
    assert reasons["r"] == "no text"


def test_refused_documents_come_back_with_reason_and_source(client: OpenSearch, index: str) -> None:
    records = [
        Record({"n": 1}, "1"),
        Record({"n": "many", "clir": {}}, "2", line=7, original={"n": "many"}),
        Record({"t": {"an": "object"}}, "3"),
        Record({"n": 4}, "4"),
    ]
    rejected: list[Rejected] = []
    report = write(client, records, index=index, on_rejected=rejected.append)
    assert (report.indexed, sum(report.rejected.values())) == (2, 2)
    first = next(r for r in rejected if r.id == "2")
    assert (first.stage, first.line, first.source) == ("write", 7, {"n": "many"})
    assert "mapper_parsing_exception" in first.reason
    assert "many" in first.reason


def test_strict_mapping(client: OpenSearch, index: str) -> None:
    client.indices.put_mapping(index=index, body={"dynamic": "strict"})
    report = write(client, [Record({"unknown": 1}, "1")], index=index)
    assert "strict_dynamic_mapping_exception" in next(iter(report.rejected))


def test_missing_index_is_not_created(client: OpenSearch, index_name: str) -> None:
    with pytest.raises(IndexMissingError, match=f"clir setup {index_name}"):
        write(client, documents(1), index=index_name)
    assert not client.indices.exists(index=index_name)


@pytest.mark.parametrize("block", ["index.blocks.write", "index.blocks.read_only_allow_delete"])
def test_a_blocked_index_ends_the_run(client: OpenSearch, index: str, block: str) -> None:
    client.indices.put_settings(index=index, body={block: True})
    try:
        with pytest.raises(ClusterReadOnlyError, match="0 documents are in"):
            write(client, documents(10), index=index, backoff=0.01)
    finally:
        client.indices.put_settings(index=index, body={block: None})


def test_a_closed_index_ends_the_run(client: OpenSearch, index: str) -> None:
    client.indices.close(index=index)
    with pytest.raises(IndexClosedError, match="run it again"):
        write(client, documents(10), index=index)


def test_an_unreachable_cluster_ends_the_run() -> None:
    nobody = OpenSearch("http://127.0.0.1:9", max_retries=0)
    with pytest.raises(ClusterUnreachableError):
        write(nobody, documents(1), index="x", max_retries=1, backoff=0.01)


def test_a_cluster_lost_on_the_way_says_how_far_it_came(client: OpenSearch, index: str) -> None:
    class Lost(Wrapped):
        def before(self, number: int) -> None:
            if number >= 2:
                raise server_errors.ConnectionError("N/A", "gone", OSError("gone"))

    with pytest.raises(ClusterUnreachableError, match=r"20 documents are in.*run it again"):
        write(
            Lost(client),  # type: ignore[arg-type]
            documents(100),
            index=index,
            chunk_docs=10,
            concurrency=1,
            max_retries=1,
            backoff=0.01,
        )
    assert count(client, index) == 20


def test_a_full_server_is_tried_again(client: OpenSearch, index: str) -> None:
    """The server itself answers 429 while it is told that its memory is full."""

    def limit_memory(to: str | None) -> None:
        body = {"transient": {"indices.breaker.total.limit": to}}
        client.cluster.put_settings(body=body)

    lifted = threading.Timer(0.5, limit_memory, [None])

    def filling() -> Iterator[Record]:
        limit_memory("1kb")
        lifted.start()
        yield from documents(300)

    try:
        report = write(client, filling(), index=index, chunk_docs=100, backoff=0.4)
    finally:
        lifted.join()
        limit_memory(None)
    assert report.indexed == 300
    assert report.retries > 0
    assert count(client, index) == 300


def test_a_lost_answer_writes_nothing_twice(client: OpenSearch, index: str) -> None:
    class Forgetful(Wrapped):
        def after(self, number: int) -> None:
            if number == 0:
                raise server_errors.ConnectionTimeout("TIMEOUT", "slow", TimeoutError("slow"))

    records = [Record({"n": n}, None, "create") for n in range(50)]
    report = write(Forgetful(client), records, index=index, backoff=0.01)  # type: ignore[arg-type]
    assert (report.indexed, report.retries) == (50, 1)
    assert count(client, index) == 50


def test_too_large_a_request_is_halved(client: OpenSearch, index: str) -> None:
    class Small(Wrapped):
        def before(self, number: int) -> None:
            if self.sent[number] > 2_000:
                raise server_errors.TransportError(413, "too large", {})

    records = [Record({"t": "x" * n}, str(n)) for n in (100, 200, 300, 400, 500, 600, 5_000)]
    report = write(Small(client), records, index=index)  # type: ignore[arg-type]
    assert (report.indexed, sum(report.rejected.values())) == (6, 1)


def test_interruption_and_running_again(client: OpenSearch, index: str) -> None:
    def interrupted() -> Iterator[Record]:
        for record in documents(100):
            if record.id == "55":
                raise KeyboardInterrupt
            yield record

    with pytest.raises(WriteInterrupted, match="50 documents are in") as raised:
        write(client, interrupted(), index=index, chunk_docs=10)
    assert raised.value.report.indexed == 50
    assert count(client, index) == 50
    assert write(client, documents(100), index=index).indexed == 100
    assert count(client, index) == 100


def test_an_error_of_the_input_flushes_what_is_in_flight(client: OpenSearch, index: str) -> None:
    def broken() -> Iterator[Record]:
        yield from documents(25)
        raise DataError("the file is damaged")

    with pytest.raises(DataError, match=r"damaged; 20 documents are in"):
        write(client, broken(), index=index, chunk_docs=10)
    assert count(client, index) == 20


def test_operations_on_one_document_keep_their_order(client: OpenSearch, index: str) -> None:
    class Jumpy(Wrapped):
        def before(self, number: int) -> None:
            if number % 2 == 0:
                threading.Event().wait(0.02)

    records = [Record({"n": n}, f"same-{n % 3}") for n in range(60)]
    write(Jumpy(client), records, index=index, chunk_docs=2, concurrency=4)  # type: ignore[arg-type]
    found = {i: client.get(index=index, id=f"same-{i}")["_source"]["n"] for i in range(3)}
    assert found == {0: 57, 1: 58, 2: 59}


def test_memory_is_bounded_for_a_long_input(client: OpenSearch, index: str) -> None:
    def many() -> Iterator[Record]:
        for n in range(8_000):
            yield Record({"t": f"{n} " + "x" * 10_000}, str(n % 100))

    tracemalloc.start()
    try:
        report = write(client, many(), index=index, chunk_bytes=1_000_000, refresh=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.indexed == 8_000
    assert peak < 20_000_000


def test_report_of_nothing(client: OpenSearch, index: str) -> None:
    report = write(client, [], index=index)
    assert isinstance(report, Report)
    assert report.indexed == 0

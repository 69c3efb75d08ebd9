"""What a connection allows: refusals, limits, pipelining, early answers, orderly ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway_peers import gateway_before, listening_with, peer_behind, talk
from opensearch_clir.gateway.limits import Limits

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
GET = b"GET /_cat/health HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def reason(answer: bytes) -> str:
    text: str = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["reason"]
    return text


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n" + b"\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;\n\r\nabc\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_what_two_readers_could_read_differently_is_refused(request_: bytes, expected: int) -> None:
    async def test() -> None:
        async with peer_behind(lambda _: OK) as (peer, _, listening):
            answer = await talk(listening.port, request_)
            assert status(answer) == expected
            assert reason(answer)
            assert b"connection: close" in answer
            # Not even a part of it counts as a request, nor does what follows it.
            assert peer.seen == []
            assert status(await talk(listening.port, GET + CLOSE)) == 200

    run(test)


def test_one_connection_each_in_order() -> None:
    async def test() -> None:
        def answer(request: bytes) -> bytes:
            number = request.partition(b"?n=")[2].partition(b" ")[0]
            return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(number) + number

        async with peer_behind(answer) as (peer, _, listening):
            requests = [b"GET /?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(9)]
            requests.append(b"GET /?n=9 HTTP/1.1\r\nHost: a\r\n" + CLOSE)
            got = await talk(listening.port, b"".join(requests))
            assert [part[-1:] for part in got.split(b"HTTP/1.1 200 OK")[1:]] == [
                b"%d" % n for n in range(10)
            ]
            assert peer.connections == 1
            # An HTTP/1.0 client's connection ends by itself; a leading empty line is let pass.
            assert (await talk(listening.port, b"\r\nGET /?n=7 HTTP/1.0\r\n\r\n"))[-1:] == b"7"
            assert peer.connections == 2

    run(test)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, 502),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 502),
        (b"SSH-2.0-OpenSSH\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\nx: 1\nset-cookie: a\r\n\r\n", 502),
    ],
)
def test_an_unusable_answer_is_a_502(answer: bytes | None, expected: int) -> None:
    async def test() -> None:
        async with peer_behind(lambda _: answer) as (_, _, listening):
            got = await talk(listening.port, b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert status(got) == expected

    run(test)


def test_no_cluster_is_a_502_and_shows_in_ready() -> None:
    async def test() -> None:
        async with gateway_before(1) as listening:
            got = await talk(listening.port, GET + b"\r\n")
            assert status(got) == 502
            assert "http://127.0.0.1:1" in reason(got)
            assert listening.health_port is not None
            ready = await talk(listening.health_port, b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
            assert status(ready) == 503
            alive = await talk(listening.health_port, b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert status(alive) == 200

    run(test)


def test_a_cut_off_answer_is_cut_off_for_the_client() -> None:
    async def test() -> None:
        cut = b"HTTP/1.1 200 OK\r\nx-then: close\r\ncontent-length: 10\r\n\r\nhalf"
        async with peer_behind(lambda _: cut) as (_, _, listening):
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
            writer.write(GET + b"\r\n")
            try:
                got = await reader.read()
            except ConnectionResetError:
                got = b""
            assert cut.startswith(got)  # nothing is made up in place of its end
            writer.close()

    run(test)


def test_a_refused_body_is_answered_before_its_end() -> None:
    """As OpenSearch does with 413: the answer comes while the client is still sending."""

    async def test() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            await writer.drain()
            writer.close()

        async with (
            listening_with(refuse) as port,
            gateway_before(port, limits=Limits(linger=0.2, grace=1)) as listening,
        ):
            head = b"PUT /_snapshot/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
            writer.write(head + b"x" * 1000)
            got = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert status(got) == 413
            writer.close()

    run(test)


def test_slow_heads_and_idle_connections_end() -> None:
    async def test() -> None:
        limits = Limits(idle=0.3, head=0.3, stall=0.3, answer=0.5, linger=0.2, grace=1)
        async with peer_behind(lambda _: OK, limits=limits) as (_, _, listening):
            assert await asyncio.wait_for(talk(listening.port), 10) == b""
            slow = await asyncio.wait_for(talk(listening.port, GET), 10)
            assert status(slow) == 408
            body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
            assert status(await asyncio.wait_for(talk(listening.port, body), 10)) == 408

        async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async with (
            listening_with(never) as port,
            gateway_before(port, limits=limits) as listening,
        ):
            late = await asyncio.wait_for(talk(listening.port, GET + b"\r\n"), 10)
            assert status(late) == 504

    run(test)


def test_an_idle_connection_outlives_the_other_limits() -> None:
    async def test() -> None:
        limits = Limits(stall=0.2, grace=1)
        async with peer_behind(lambda _: OK, limits=limits) as (peer, _, listening):
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
            for body in (b"", b"Content-Length: 1\r\n\r\nx", b""):
                writer.write(GET + (body or b"\r\n"))
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\nok"), 10)
                await asyncio.sleep(0.5)
            writer.close()
            assert peer.connections == 1

    run(test)


def test_as_many_clients_as_allowed() -> None:
    async def test() -> None:
        limits = Limits(connections=2, grace=1)
        async with peer_behind(lambda _: OK, limits=limits) as (_, _, listening):
            first = [await asyncio.open_connection("127.0.0.1", listening.port) for _ in range(2)]
            await asyncio.sleep(0.1)
            assert status(await talk(listening.port)) == 503
            for _, writer in first:
                writer.close()
            await asyncio.sleep(0.1)
            assert status(await talk(listening.port, GET + CLOSE)) == 200

    run(test)


def test_the_cluster_is_told_when_a_client_leaves() -> None:
    async def test() -> None:
        left = asyncio.Event()

        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
            left.set()
            writer.close()

        async with (
            listening_with(wait) as port,
            gateway_before(port, limits=Limits(grace=1)) as listening,
        ):
            await asyncio.sleep(1)
            left.clear()
            _, writer = await asyncio.open_connection("127.0.0.1", listening.port)
            writer.write(GET + b"\r\n")
            await asyncio.sleep(0.3)
            writer.close()
            await asyncio.wait_for(left.wait(), 10)

    run(test)


def test_running_exchanges_end_before_the_gateway_does() -> None:
    async def test() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"opensearch-py" not in head:
                begun.set()
                await go_on.wait()
            writer.write(OK)
            await writer.drain()
            writer.close()

        async with (
            listening_with(slowly) as port,
            gateway_before(port) as listening,
        ):
            idle = await asyncio.open_connection("127.0.0.1", listening.port)
            asked = asyncio.ensure_future(talk(listening.port, GET + b"\r\n"))
            await asyncio.wait_for(begun.wait(), 20)
            asyncio.get_running_loop().call_later(0.5, go_on.set)
        assert await idle[0].read() == b""
        idle[1].close()
        assert (await asked).endswith(b"ok")
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", listening.port)

    run(test)


def test_a_kept_connection_that_the_cluster_closed_is_made_anew() -> None:
    async def test() -> None:
        then = OK.replace(b"\r\n\r\n", b"\r\nx-then: close\r\n\r\n")
        async with peer_behind(lambda _: then) as (peer, _, listening):
            reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
            for _ in range(3):
                writer.write(GET + b"\r\n")
                await reader.readuntil(b"\r\n\r\nok")
            writer.close()
            assert peer.connections == 3

    run(test)


def test_metrics() -> None:
    async def test() -> None:
        async with peer_behind(lambda _: OK) as (_, _, listening):
            await talk(listening.port, GET + CLOSE)
            assert listening.health_port is not None
            got = await talk(listening.health_port, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"\nclir_gateway_seconds_count 1\n" in got
            assert b"\nclir_gateway_connections_total 1\n" in got
            missing = await talk(listening.health_port, GET + b"\r\n")
            assert status(missing) == 404

    run(test)


#: Bytes that may be under way unread: what the gateway and both systems' sockets hold.
UNDER_WAY = 24_000_000


def test_who_does_not_read_holds_up_who_sends() -> None:
    async def test() -> None:
        sent, block = 0, b"x" * 65536

        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            head = await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                if b"opensearch-py" in head:
                    writer.write(OK)
                elif head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    while True:
                        writer.write(b"10000\r\n" + block + b"\r\n")
                        await writer.drain()
                        sent += len(block)
                else:
                    await asyncio.sleep(60)
            writer.close()

        async def count_up(send: Callable[[], Coroutine[Any, Any, None]]) -> int:
            task = asyncio.ensure_future(send())
            last = -1
            while last != sent:
                last = sent
                await asyncio.sleep(1)
            task.cancel()
            return sent

        async with (
            listening_with(endless) as port,
            gateway_before(port, limits=Limits(grace=0.1)) as listening,
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", listening.port, limit=1000)

            async def ask() -> None:
                writer.write(GET + b"\r\n")

            assert 0 < await count_up(ask) < UNDER_WAY
            writer.transport.abort()
            await asyncio.sleep(0.2)
            sent = 0
            _, other = await asyncio.open_connection("127.0.0.1", listening.port)

            async def upload() -> None:
                nonlocal sent
                other.write(POST + b"Content-Length: 999999999999\r\n\r\n")
                while True:
                    other.write(block)
                    await other.drain()
                    sent += len(block)

            assert 0 < await count_up(upload) < UNDER_WAY
            other.transport.abort()

    run(test)

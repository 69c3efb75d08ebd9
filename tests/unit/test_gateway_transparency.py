"""10,000 fuzzed exchanges: either side sees the other's bytes, hop-by-hop fields excepted."""

from __future__ import annotations

import asyncio
import gzip
import random
import re
from dataclasses import dataclass

from gateway_peers import body_of, peer_behind
from opensearch_clir.gateway.framing import HOP_BY_HOP

EXCHANGES = 10_000

#: What may not reach the server.
_GONE = re.compile(rb"(?im)^(keep-alive|upgrade|te|proxy-connection|x1)[ \t]*:")
CONNECTIONS = 8

_NAMES = [
    b"X-Opaque-Id",
    b"x-opaque-id",
    b"Authorization",
    b"ACCEPT",
    b"Accept-Encoding",
    b"Via",
    b"x-forwarded-for",
    b"securitytenant",
    b"osd-xsrf",
    b"Cookie",
    b"If-None-Match",
]
_VALUES = [
    b"a",
    b"",
    b"Basic dXNlcjpwYXNz",
    b"gzip, deflate",
    b'"tag, with; punctuation"',
    "müñ \u6f22".encode(),
    b"\xff\xfe latin",
    b"a  b\tc",
    b"*/*;q=0.1, text/x",
]
_PATHS = [
    b"/",
    b"/_cat/indices?v&h=a,b",
    b"/kb/_doc/a%2Fb%20c",
    "/kb/_search?q=münchen".encode(),
    b"/%3Clogs-%7Bnow%2Fd%7D%3E/_search?typed_keys=true&x=%ff",
    b"/a,b*,-c/_count?q=a+b%2Bc",
    b"/_bulk?refresh=wait_for",
    b"/kb//_search",
    b"/kb/_update/1?routing=a%26b",
    b"/?a=b?c=d",
    b"/_msearch",
    b"/_plugins/_sql?format=csv",
    b"/kb/_doc",
    b"/_search/scroll",
]
_METHODS = [b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"FROBNICATE"]
_STATUSES = [
    b"200 OK",
    b"201 Created",
    b"204 No Content",
    b"304 Not Modified",
    b"400 Bad Request",
    b"404",
    b"429 Too Many Requests",
    b"500 ",
    b"503 Service Unavailable",
    b"299 Whatever It Says",
]


@dataclass
class Drawn:
    request: bytes
    response: bytes
    splits: list[int]
    method: bytes


def drawn(rng: random.Random) -> Drawn:
    method = rng.choice(_METHODS)
    fields = [(b"Host", b"localhost:9200"), *_fields(rng)]
    body = _body(rng) if rng.random() < 0.6 else b""
    trailing, framed = _framed(rng, body, always=False)
    if trailing:
        fields.append(trailing)
    if rng.random() < 0.05 and trailing:
        fields.append((b"Expect", b"100-continue"))
    rng.shuffle(fields)
    request = _head(rng, method + b" " + rng.choice(_PATHS) + b" HTTP/1.1", fields) + framed
    status = rng.choice(_STATUSES)
    fields = _fields(rng)
    answer = _body(rng)
    empty = method == b"HEAD" or status[:3] in (b"204", b"304")
    if empty:
        framed = b""
        if method == b"HEAD":
            fields.append((b"content-length", b"%d" % len(answer)))
    else:
        trailing, framed = _framed(rng, answer, always=True)
        fields.append(trailing or (b"content-length", b"0"))
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" if rng.random() < 0.02 else b""
    response = early + _head(rng, b"HTTP/1.1 " + status, fields) + framed
    splits = sorted(rng.sample(range(1, len(request)), k=min(2, len(request) - 1)))
    return Drawn(request, response, splits if rng.random() < 0.3 else [], method)


def _fields(rng: random.Random) -> list[tuple[bytes, bytes]]:
    found = [(rng.choice(_NAMES), rng.choice(_VALUES)) for _ in range(rng.randrange(6))]
    if rng.random() < 0.1:
        found.append(
            rng.choice(
                [
                    (b"Connection", b"keep-alive"),
                    (b"Connection", b"TE, x1"),
                    (b"Keep-Alive", b"timeout=5"),
                    (b"Upgrade", b"h2c"),
                    (b"TE", b"trailers"),
                    (b"Proxy-Connection", b"keep-alive"),
                ]
            )
        )
    return found


def _body(rng: random.Random) -> bytes:
    kind = rng.random()
    if kind < 0.5:
        return b'{"index":{"_index":"free"}}\n{"title":"a \xc3\xa9"}\n' * rng.randrange(1, 4)
    data = rng.randbytes(rng.choice([1, 10, 100, 1000, 70_000 if kind > 0.98 else 3000]))
    return gzip.compress(data) if kind < 0.7 else data


def _framed(
    rng: random.Random, body: bytes, *, always: bool
) -> tuple[tuple[bytes, bytes] | None, bytes]:
    if rng.random() < 0.5:
        named = (rng.choice([b"Content-Length", b"content-length"]), b"%d" % len(body))
        return (named if body or always else None), body
    parts = []
    while body:
        size = rng.randrange(1, len(body) + 1)
        parts.append(b"%x\r\n" % size + body[:size] + b"\r\n")
        body = body[size:]
    parts.append(b"0\r\n" + (b"x-sum: 1\r\n" if rng.random() < 0.2 else b"") + b"\r\n")
    return (b"Transfer-Encoding", b"chunked"), b"".join(parts)


def _head(rng: random.Random, start: bytes, fields: list[tuple[bytes, bytes]]) -> bytes:
    blank = [b": ", b": ", b":", b":  ", b":\t"]
    lines = [
        name + rng.choice(blank) + value + rng.choice([b"", b"", b" "]) for name, value in fields
    ]
    return b"\r\n".join([start, *lines, b"", b""])


def without_hops(message: bytes) -> bytes:
    """Leave out what is listed as an exception, and what ``Connection`` names."""
    head, mark, body = message.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 1"):
        body = without_hops(body)
    kept = []
    for line in head.split(b"\r\n"):
        name = line.partition(b":")[0].lower()
        if name not in HOP_BY_HOP | {b"x1"}:
            kept.append(line)
    return b"\r\n".join(kept) + mark + body


async def response_of(reader: asyncio.StreamReader, method: bytes) -> bytes:
    got = b""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1][:3])
        if status == 100:
            continue
        got += head
        if status >= 200:
            break
    if method == b"HEAD" or status in (204, 304):
        return got
    return got + await body_of(reader, head)


async def fuzzed(count: int) -> int:
    answers: dict[bytes, bytes] = {}
    compared = 0

    def answer(request: bytes) -> bytes:
        return answers[_number(request)]

    async def client(port: int, seed: int) -> None:
        nonlocal compared
        rng = random.Random(seed)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        for turn in range(count // CONNECTIONS):
            one = drawn(rng)
            number = b"%d.%d" % (seed, turn)
            request = one.request.replace(b"\r\n", b"\r\nX-Number: " + number + b"\r\n", 1)
            answers[number] = one.response
            start = 0
            for end in (*one.splits, len(request)):
                writer.write(request[start:end])
                start = end
                if one.splits:
                    await asyncio.sleep(0)
            got = await asyncio.wait_for(response_of(reader, one.method), 60)
            assert without_hops(got) == without_hops(one.response), number
            seen = saw.pop(number)
            assert without_hops(seen) == without_hops(request), number
            assert not _GONE.search(seen.partition(b"\r\n\r\n")[0]), number
            compared += 1
        writer.close()

    async with peer_behind(answer) as (peer, _, listening):
        saw = _ByNumber()
        peer.seen = saw  # type: ignore[assignment]
        await asyncio.gather(*(client(listening.port, seed) for seed in range(CONNECTIONS)))
        # Each client had its own connection to the server, and kept it.
        assert peer.connections == CONNECTIONS
    return compared


def _number(request: bytes) -> bytes:
    return request.partition(b"X-Number: ")[2].partition(b"\r\n")[0]


class _ByNumber(dict[bytes, bytes]):
    """Keeps requests by their number; the last one is the one appended last."""

    last = b""

    def append(self, request: bytes) -> None:
        self.last = request
        self[_number(request)] = request

    def __missing__(self, key: object) -> bytes:
        if key == -1:
            return self.last
        raise KeyError(key)


def test_either_side_sees_the_others_bytes() -> None:
    assert asyncio.run(fuzzed(EXCHANGES)) == EXCHANGES

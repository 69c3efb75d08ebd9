"""Many clients at once against the service: errors, latencies, memory.

    python benchmarks/service_load.py --clients 200 --seconds 60 \
        --out benchmarks/results/service_load.json

Each client keeps one connection and sends one request after the other: four documents to enrich, as
a cluster sends them one by one, then a query to rewrite. Client and service share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

from drop_in_setting import Service, corpus, distribution, make_index, questions, serving

from opensearch_clir.cli.common import open_client

INDEX = "clir-bench-load"


class Load:
    """What the clients saw."""

    def __init__(self, service: Service, until: float) -> None:
        """Nothing is sent yet."""
        self.service = service
        self.until = until
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[str] = Counter()
        documents = [{k: v for k, v in d.items() if k in ("title", "text")} for d in corpus()]
        self.bodies = [json.dumps({"document": d}).encode() for d in documents]
        texts = questions()
        self.queries = [
            json.dumps({"query": {"match": {"text": text}}, "for": "ml-commons"}).encode()
            for text in texts
        ]

    async def client(self, number: int) -> None:
        """One client, until the time is over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        sent = number * 7
        while time.monotonic() < self.until:
            sent += 1
            kind = "rewrite" if sent % 5 == 0 else "enrich"
            bodies = self.queries if kind == "rewrite" else self.bodies
            body = bodies[sent % len(bodies)]
            head = (
                f"POST /v1/indices/{INDEX}/{kind} HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {self.service.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            started = time.perf_counter()
            writer.write(head.encode() + body)
            await writer.drain()
            status = await self._answer(reader)
            self.seconds[kind].append(time.perf_counter() - started)
            self.statuses[f"{kind} {status}"] += 1
        writer.close()

    @staticmethod
    async def _answer(reader: asyncio.StreamReader) -> int:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        await reader.readexactly(length)
        return int(head.split()[1])


def resident(pid: int) -> int:
    """Return the resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    return 0


async def run(service: Service, clients: int, seconds: float) -> dict[str, object]:
    """Run all clients and return the figures."""
    load = Load(service, time.monotonic() + seconds)
    memory: list[int] = []

    async def watch() -> None:
        while time.monotonic() < load.until:
            memory.append(resident(service.pid))
            await asyncio.sleep(1)

    before = resident(service.pid)
    await asyncio.gather(watch(), *(load.client(number) for number in range(clients)))
    total = sum(load.statuses.values())
    return {
        "clients": clients,
        "seconds": seconds,
        "processors": os.cpu_count(),
        "statuses": dict(sorted(load.statuses.items())),
        "errors": total - sum(n for k, n in load.statuses.items() if k.endswith(" 200")),
        "requests_per_second": round(total / seconds, 1),
        "milliseconds": {kind: distribution(times) for kind, times in load.seconds.items()},
        "memory_mib": {"before": before, "most": max(memory), "at_the_end": memory[-1]},
    }


def main() -> None:
    """Make an index, run the service and the clients, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    client, settings = open_client()
    url = settings.url or client.transport.hosts[0]
    make_index(client, INDEX)
    address = url if isinstance(url, str) else f"http://{url['host']}:{url['port']}"
    with serving(address, "--index", INDEX) as service:
        figures = asyncio.run(run(service, options.clients, options.seconds))
    client.indices.delete(index=INDEX)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()

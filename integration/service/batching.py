"""Dynamic batching: what waits while a batch is in work becomes the next batch.

A cluster sends one call for each document. Encoding many texts at once costs little more than one,
so nothing waits when the service is idle, and batches grow by themselves under load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

__all__ = ["Batcher"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Gathers single items into batches, which a function works on in a thread, one at a time.

    Args:
        work: returns one result for each item, in order. If it raises, all items of the batch do.
        size: items of a batch at most.
        observed: is told the size of each batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        size: int,
        observed: Callable[[int], None] = lambda size: None,
    ) -> None:
        """Prepare; the thread starts with the first item."""
        self._work = work
        self._size = size
        self._observed = observed
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "clir-batch")

    async def submit(self, item: Item) -> Result:
        """Return the result for one item."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    def close(self) -> None:
        """End the thread, once it has finished its batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(self._take())]
                # Whoever gave up (time-out, closed connection) gets no work done.
                batch = [(item, future) for item, future in taken if not future.done()]
                if not batch:
                    continue
                self._observed(len(batch))
                items = [item for item, _ in batch]
                working = loop.run_in_executor(self._thread, self._work, items)
                await asyncio.wait([working])
                _hand_out([future for _, future in batch], working)
        finally:
            self._running = None

    def _take(self) -> int:
        return min(self._size, len(self._waiting))


def _hand_out(
    futures: Sequence[asyncio.Future[Result]], working: asyncio.Future[Sequence[Result]]
) -> None:
    error = working.exception()
    results = working.result() if error is None else [None] * len(futures)
    for future, result in zip(futures, results, strict=True):
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

"""What the handlers of requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from opensearch_clir.gateway.metrics import Metrics
from opensearch_clir.gateway.registry import Registry
from opensearch_clir.gateway.targets import Targets

__all__ = ["Work"]

T = TypeVar("T")


@dataclass
class Work:
    """Tools of a handler.

    Attributes:
        targets: which indices are managed.
        registry: plans and enriches.
        metrics: counters.
        pool: worker threads for what would hold up the other clients.
    """

    targets: Targets
    registry: Registry
    metrics: Metrics
    pool: Executor

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function in a worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, function, *arguments)

"""What a gateway allows: sizes, times, and memory for the bodies it holds."""

from __future__ import annotations

from dataclasses import dataclass

from opensearch_clir.gateway.messages import Malformed

__all__ = ["Budget", "Limits"]


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    Attributes:
        body: of one body that is looked into, decompressed; others are handed on at any size.
        memory: of all bodies that are held at a time.
        connections: of clients; one more is turned away.
        idle: between two requests on a connection.
        head: for a head, from its first byte.
        stall: without a byte from or to a side that is to send or to take some.
        answer: for the cluster to begin its answer.
        connect: for a connection to a node.
        linger: for a client to end a body that the cluster did not want.
        grace: for exchanges that run when the gateway is stopped.
    """

    body: int = 100 * 1024 * 1024
    memory: int = 512 * 1024 * 1024
    connections: int = 1000
    idle: float = 600.0
    head: float = 30.0
    stall: float = 120.0
    answer: float = 3600.0
    connect: float = 10.0
    linger: float = 2.0
    grace: float = 30.0


class Budget:
    """Memory for held bodies; what does not fit is refused, as the cluster does under load."""

    def __init__(self, total: int) -> None:
        self._free = total

    def take(self, size: int) -> None:
        """Reserve bytes.

        Raises:
            Malformed: there are not as many left (429, so that clients try again).
        """
        if size > self._free:
            raise Malformed("the gateway holds too many bodies at the moment: try again", 429)
        self._free -= size

    def give_back(self, size: int) -> None:
        """Free bytes again."""
        self._free += size

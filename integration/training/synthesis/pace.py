"""How fast requests may go: so many requests and tokens in any minute, and pauses."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Pace", "Window"]

MINUTE = 60.0
SHORTEST = 1e-3


class Window:
    """Amounts of the last 60 seconds; their sum stays within a limit.

    One amount above the limit is let through alone, since it never would be otherwise.
    """

    def __init__(self, most: int) -> None:
        """Take the limit; 0 means none."""
        self.most = most
        self._entries: deque[list[float]] = deque()

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` fits, 0 for now."""
        while self._entries and self._entries[0][0] <= now - MINUTE:
            self._entries.popleft()
        if not self.most:
            return 0.0
        used = sum(entry[1] for entry in self._entries)
        for when, old in self._entries:
            if used + amount <= self.most:
                return 0.0
            used -= old
            if used + amount <= self.most or used <= 0:
                # Rounding must not let it go while the entry still counts.
                return max(when + MINUTE - now, SHORTEST)
        return 0.0

    def add(self, amount: float, now: float) -> list[float]:
        """Enter an amount; the entry's second element may be corrected later."""
        entry = [now, amount]
        self._entries.append(entry)
        return entry


class Pace:
    """Lets threads go when the limits and the endpoint's own wishes allow."""

    def __init__(
        self,
        requests: int,
        tokens: int,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the limits per minute, 0 for none.

        Args:
            requests: per minute.
            tokens: per minute.
            stop: ends every waiting.
            clock: seconds that only grow.
        """
        self._requests, self._tokens = Window(requests), Window(tokens)
        self._stop, self._clock = stop, clock
        self._lock = threading.Lock()
        self._not_before = 0.0

    def go(self, tokens: int) -> list[float] | None:
        """Wait until a request of so many tokens may be sent; None: the run is being stopped.

        The second element of what comes back is to be set to the tokens that it really took.
        """
        while not self._stop.is_set():
            with self._lock:
                now = self._clock()
                seconds = max(
                    self._not_before - now,
                    self._requests.wait(1, now),
                    self._tokens.wait(tokens, now),
                )
                if seconds <= 0:
                    self._requests.add(1, now)
                    return self._tokens.add(tokens, now)
            self._stop.wait(seconds)
        return None

    def pause(self, seconds: float) -> None:
        """Let nobody go for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

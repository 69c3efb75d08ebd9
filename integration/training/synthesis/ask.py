"""Asking for all answers that are not there yet: several threads, one budget, one pace."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from opensearch_clir.errors import EndpointError
from opensearch_clir.training.synthesis.client import Client
from opensearch_clir.training.synthesis.config import Budget, Config
from opensearch_clir.training.synthesis.ledger import Ledger
from opensearch_clir.training.synthesis.pace import Pace
from opensearch_clir.training.synthesis.plan import Job
from opensearch_clir.training.synthesis.replies import Reply, Trouble
from opensearch_clir.training.workspace import Report

__all__ = ["Outcome", "ask", "figures"]

#: What became of a job; None: it was not asked, or not often enough. An error is for the caller.
Result: TypeAlias = Reply | Trouble | BaseException | None

#: Requests in a row without an answer after which the run gives up.
IN_A_ROW = 3
#: Seconds before the second attempt; doubled for each further one.
BACKOFF = 1.0
#: Seconds between two progress rows.
EVERY = 10.0
#: Seconds after which the threads are looked at again.
POLL = 0.1


@dataclass
class Outcome:
    """How the asking ended.

    Attributes:
        asked: requests that were answered in this run.
        unanswered: jobs set aside after all their attempts, by why.
        out_of_budget: whether jobs are left because the budget is spent.
    """

    asked: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    out_of_budget: bool = False


class _Asker:
    """What the threads share."""

    def __init__(self, config: Config, client: Client, ledger: Ledger, stop: threading.Event):
        self.config, self.client, self.ledger, self.stop = config, client, ledger, stop
        endpoint = config.endpoint
        self.pace = Pace(endpoint.requests_per_minute, endpoint.tokens_per_minute, stop)
        self.todo: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.given_up: str | None = None
        self._in_a_row = 0
        self._lock = threading.Lock()

    def work(self) -> None:
        """Take jobs until there are no more, the budget is spent or the run is stopped."""
        while not self.stop.is_set() and (job := self.todo.get()) is not None:
            try:
                result: Result = self._answer(job)
            except BaseException as error:  # noqa: BLE001  (raised by the caller)
                result = error
            self._judge(job, result)
            self.results.put(result)
            if result is None:
                break

    def _judge(self, job: Job, result: Result) -> None:
        """Stop all threads, before they ask again, where there is no point in it."""
        with self._lock:
            if isinstance(result, Reply):
                self._in_a_row = 0
            elif isinstance(result, Trouble):
                self._in_a_row += job.key not in self.ledger.failed
                if result.kind == "fatal" or self._in_a_row >= IN_A_ROW:
                    often = f", {self._in_a_row} times in a row" if self._in_a_row > 1 else ""
                    self.given_up = self.given_up or f"{often}: {result.message}"
            if self.given_up or isinstance(result, BaseException):
                self.stop.set()

    def _answer(self, job: Job) -> Reply | Trouble | None:
        """Return the answer, or why there is none; None: stopped, or the budget is spent."""
        endpoint = self.config.endpoint
        for attempt in range(endpoint.attempts):
            entry = self.pace.go(job.bytes // 3 + endpoint.most_tokens)
            if entry is None:
                return None
            number = self.ledger.reserve(
                job.key, job.bytes, endpoint.most_tokens, self.config.budget
            )
            if number is None:
                return None
            try:
                result = self.client.ask(job.prompt.messages)
            except BaseException as error:
                # Other threads may be waiting for what it takes.
                self.ledger.fail(number, job.key, repr(type(error)), lost=True)
                raise
            if isinstance(result, Reply):
                entry[1] = self.ledger.settle(number, job.key, result, job.bytes)
                return result
            entry[1] = self.ledger.fail(number, job.key, result.message, result.lost)
            if result.kind != "later":
                return result
            if (result.wait or 0) > endpoint.longest_wait:
                message = f"{result.message} (asks to wait {result.wait:.0f} s, too long)"
                return Trouble(message, "fatal")
            if attempt + 1 < endpoint.attempts:
                self._wait(result, attempt)
        return result

    def _wait(self, trouble: Trouble, attempt: int) -> None:
        """Wait as long as the endpoint asks, all threads together, or twice as long each time."""
        if trouble.wait is not None:
            self.pace.pause(trouble.wait)
            return
        longest = min(BACKOFF * 2**attempt, self.config.endpoint.longest_wait)
        # Threads that failed together should not come back together.
        self.stop.wait(longest * random.uniform(0.5, 1))  # noqa: S311


def ask(jobs: Iterable[Job], config: Config, ledger: Ledger, report: Report) -> Outcome:
    """Ask for the answers that the ledger lacks; report how far it is every few seconds.

    Jobs that brought no answer in earlier runs come last. Ctrl-C sends nothing more and waits for
    the answers under way, which are paid for; a second one leaves them.

    Raises:
        ConfigurationError: the key or the certificates can't be used.
        EndpointError: the endpoint refuses all, or several requests in a row had no answer.
        OSError: the ledger can't be written.
    """
    missing = {job.key: job for job in jobs if job.key not in ledger.answers}
    client, stop = Client(config.endpoint), threading.Event()
    asker = _Asker(config, client, ledger, stop)
    size = min(config.endpoint.concurrency, len(missing))
    for job in sorted(missing.values(), key=lambda job: job.key in ledger.failed):
        asker.todo.put(job)
    for _ in range(size):
        asker.todo.put(None)
    threads = [threading.Thread(target=asker.work, daemon=True) for _ in range(size)]
    for thread in threads:
        thread.start()
    try:
        return _collected(asker, threads, len(missing), report)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        client.close()


def figures(ledger: Ledger, budget: Budget) -> dict[str, float]:
    """Return what is spent in all, with the cost where there are prices."""
    spent = ledger.spent
    row: dict[str, float] = {"requests": spent.requests, "tokens": spent.prompt + spent.completion}
    if budget.prompt_price or budget.completion_price:
        row["cost"] = round(budget.price(spent.prompt, spent.completion), 4)
    return row


def _collected(
    asker: _Asker, threads: list[threading.Thread], total: int, report: Report
) -> Outcome:
    outcome, last = Outcome(), time.monotonic()

    def tell() -> None:
        done = outcome.asked + outcome.unanswered.total()
        spent = figures(asker.ledger, asker.config.budget)
        report({"stage": "ask", "done": done, "of": total, **spent})

    for result in _results(asker, threads):
        if isinstance(result, BaseException):
            raise result
        if isinstance(result, Reply):
            outcome.asked += 1
        elif isinstance(result, Trouble):
            outcome.unanswered[result.message] += 1
        else:
            outcome.out_of_budget = True
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            tell()
    tell()
    if outcome.unanswered and not asker.ledger.answers and asker.given_up is None:
        asker.given_up = f": {next(iter(outcome.unanswered))}"
    if asker.given_up is not None:
        raise EndpointError(
            f"the endpoint {asker.config.endpoint.url} gives no answer{asker.given_up}. "
            "What was answered is kept; the same command goes on"
        )
    return outcome


def _results(asker: _Asker, threads: list[threading.Thread]) -> Iterator[Result]:
    """Yield the results until all threads are done."""
    while True:
        alive = any(thread.is_alive() for thread in threads)
        try:
            yield asker.results.get(timeout=POLL)
        except queue.Empty:
            if not alive:
                return

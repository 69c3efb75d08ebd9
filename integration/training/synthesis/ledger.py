"""Answers and what they cost, on disk: nothing is paid twice, and nothing is spent unseen.

A row is written before a request is sent, and one when it is over. A process that dies in between
leaves a request open; it counts as if it had cost all that it could.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training.synthesis.config import Budget
from opensearch_clir.training.synthesis.replies import Reply

__all__ = ["Ledger", "Spent", "key_of"]

#: Bytes of UTF-8 for one token of a text, where the endpoint doesn't count.
BYTES_PER_TOKEN = 3


def key_of(model: str, messages: Sequence[Mapping[str, str]], parameters: Mapping[str, Any]) -> str:
    """Return the name of an answer: a digest of model, prompt and parameters."""
    asked = [model, list(messages), dict(parameters)]
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Spent:
    """Requests and tokens; requests that are under way count all that they may take."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0

    def within(self, budget: Budget) -> bool:
        """Whether no limit is passed."""
        return (
            self.requests <= (budget.requests or self.requests)
            and self.prompt + self.completion <= (budget.tokens or self.prompt + self.completion)
            and (not budget.cost or budget.price(self.prompt, self.completion) <= budget.cost)
        )

    def add(self, requests: int, prompt: int, completion: int) -> None:
        """Add what is spent, or take it back with numbers below 0."""
        self.requests += requests
        self.prompt += prompt
        self.completion += completion


class Ledger:
    """The file of answers and requests; several threads may share it, processes may not."""

    def __init__(self, path: Path, frozen: bool = False) -> None:
        """Read what the file holds; a last line that was cut off is dropped from it.

        Args:
            path: of the file, made if it is missing.
            frozen: the file is only read; it must be there.

        Raises:
            ConfigurationError: it can't be read or written.
            DataError: a line is damaged that is not the last.
        """
        self.answers: dict[str, Reply] = {}
        #: Keys of requests of earlier runs that brought no answer.
        self.failed: set[str] = set()
        self.spent = Spent()
        self._open: dict[int, tuple[int, int]] = {}
        self._under_way = 0
        self._number = 0
        self._changed = threading.Condition()
        self._file = _opened(path, frozen)
        try:
            self._take_all(path, frozen)
        except (ConfigurationError, DataError):
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def reserve(self, key: str, prompt: int, completion: int, budget: Budget) -> int | None:
        """Note a request before it is sent; return its number, or None if the budget is spent.

        Where only requests under way stand against it, wait for what they really take.

        Args:
            key: of the answer.
            prompt: tokens of the prompt, at most.
            completion: tokens of the answer, at most.
            budget: what may be spent, rows of earlier runs included.
        """
        with self._changed:
            while True:
                self.spent.add(1, prompt, completion)
                if self.spent.within(budget):
                    break
                self.spent.add(-1, -prompt, -completion)
                if not self._under_way:
                    return None
                self._changed.wait()
            self._number += 1
            self._write({"sent": self._number, "key": key, "reserved": [prompt, completion]})
            self._under_way += 1
            self._open[self._number] = (prompt, completion)
            return self._number

    def settle(self, number: int, key: str, reply: Reply, prompt_bytes: int) -> int:
        """Note the answer to a request, safely on disk; return the tokens that it took."""
        if reply.prompt_tokens is None or reply.completion_tokens is None:
            said = len(reply.content.encode("utf-8", "surrogatepass"))
            prompt, completion = prompt_bytes // BYTES_PER_TOKEN + 1, said // BYTES_PER_TOKEN + 1
        else:
            prompt, completion = reply.prompt_tokens, reply.completion_tokens
        with self._changed:
            row = {"done": number, "key": key, "took": [prompt, completion], **asdict(reply)}
            self._over(row, (prompt, completion), sync=True)
            self.answers[key] = reply
        return prompt + completion

    def fail(self, number: int, key: str, why: str, lost: bool) -> int:
        """Note that a request brought no answer; a lost one may have cost all it could."""
        with self._changed:
            took = self._open[number] if lost else (0, 0)
            row = {"done": number, "key": key, "took": list(took), "failed": why}
            self._over(row, took, sync=False)
        return sum(took)

    def _close_request(self, number: int, prompt: int, completion: int) -> None:
        reserved = self._open.pop(number)
        self.spent.add(0, prompt - reserved[0], completion - reserved[1])

    def _over(self, row: Mapping[str, Any], took: tuple[int, int], sync: bool) -> None:
        """Write that a request is over; whoever waits for that goes on, even if it can't be."""
        try:
            self._write(row, sync)
            self._close_request(row["done"], *took)
        finally:
            self._under_way -= 1
            self._changed.notify_all()

    def _write(self, row: Mapping[str, Any], sync: bool = False) -> None:
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        if sync:
            os.fsync(self._file.fileno())

    def _take_all(self, path: Path, frozen: bool) -> None:
        """Take over the rows of earlier runs."""
        whole = 0
        try:
            self._file.seek(0)
            for number, line in enumerate(self._file, 1):
                if not line.endswith(b"\n"):
                    break
                self._take(line, path, number)
                whole += len(line)
            if not frozen:
                self._file.truncate(whole)
        except OSError as error:
            raise ConfigurationError(f"can't use the file {path}: {error.strerror}") from error

    def _take(self, line: bytes, path: Path, number: int) -> None:
        """Take over one row."""
        try:
            row = json.loads(line)
            if "sent" in row:
                prompt, completion = row["reserved"]
                self._number = max(self._number, row["sent"])
                self._open[row["sent"]] = (prompt, completion)
                self.spent.add(1, prompt, completion)
                return
            self._close_request(row["done"], *row["took"])
            if "failed" in row:
                self.failed.add(row["key"])
                return
            names = ("content", "finish", "prompt_tokens", "completion_tokens")
            self.answers[row["key"]] = Reply(*(row[name] for name in names))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: damaged ({error!r}); remove the line or the file"
            ) from error


def _opened(path: Path, frozen: bool) -> BinaryIO:
    try:
        return path.open("rb" if frozen else "a+b")
    except OSError as error:
        raise ConfigurationError(f"can't use the file {path}: {error.strerror}") from error

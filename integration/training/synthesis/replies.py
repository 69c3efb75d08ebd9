"""What comes back from a request: what the model said, or why there is no answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Reply", "Trouble", "read_reply"]


@dataclass(frozen=True)
class Reply:
    """What the model said.

    Attributes:
        content: its text.
        finish: why it stopped, as ``stop`` or ``length``; empty where the endpoint doesn't say.
        prompt_tokens, completion_tokens: as the endpoint counts them; None where it doesn't.
    """

    content: str
    finish: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Trouble:
    """Why there is no answer.

    Attributes:
        message: for the user; never holds the key.
        kind: ``later``, the same request may succeed; ``prompt``, others may; ``fatal``, none will.
        wait: seconds after which the endpoint wants to be asked again, where it says.
        lost: whether an answer may have been made, and so have to be paid.
    """

    message: str
    kind: Literal["later", "prompt", "fatal"]
    wait: float | None = None
    lost: bool = False


def read_reply(data: bytes) -> Reply | Trouble:
    """Return the first choice of a chat completion."""
    try:
        value = json.loads(data)
        choice = value["choices"][0]
        content = choice["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return Trouble("the answer is no chat completion", "later", lost=True)
    finish = choice.get("finish_reason")
    usage = value.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        content if isinstance(content, str) else "",
        finish if isinstance(finish, str) else "",
        _count(counts, "prompt_tokens"),
        _count(counts, "completion_tokens"),
    )


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and value >= 0 else None

"""Settings of the endpoint of a language model, and of what may be spent there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Positive

__all__ = ["Budget", "Endpoint"]

#: Parameters that the client itself sends.
RESERVED = ("messages", "model", "n", "stream")

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Endpoint:
    """Where the language model is asked, and how fast.

    Attributes:
        url: address before ``/chat/completions``, mostly ending in ``/v1``.
        model: the name that the endpoint knows it by.
        key_env: name of the environment variable that holds the API key; empty: no key is sent.
        plain_http: send the key without TLS to a host that is not this machine.
        ca_certs: PEM file of the authority that signed the endpoint's certificate.
        timeout: seconds for one request, from its first byte to the last of the answer.
        max_response: bytes of an answer that are read.
        attempts: requests for one answer, at most.
        longest_wait: seconds between two attempts, at most; an endpoint that asks for more ends
            the run.
        concurrency: requests at a time.
        requests_per_minute: in any 60 seconds, attempts included; 0: no limit.
        tokens_per_minute: the same for tokens of prompts and answers.
        parameters: sent along as they are; ``max_tokens`` or ``max_completion_tokens`` is needed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    url: str
    model: Annotated[str, Field(min_length=1)]
    key_env: str = ""
    plain_http: bool = False
    ca_certs: Path | None = None
    timeout: Positive = 120.0
    max_response: AtLeast1[int] = 1_000_000
    attempts: AtLeast1[int] = 5
    longest_wait: Positive = 120.0
    concurrency: AtLeast1[int] = 4
    requests_per_minute: AtLeast0[int] = 0
    tokens_per_minute: AtLeast0[int] = 0
    parameters: dict[str, Any] = field(
        default_factory=lambda: {"temperature": 0.7, "max_tokens": 600}
    )

    def __post_init__(self) -> None:
        """Refuse an address or parameters that can't work, without repeating what may be secret."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be http://HOST… or https://HOST…")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("url must hold no user, password, ? or #; the key goes to `key_env`")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*|", self.key_env):
            raise ValueError("key_env must be the name of an environment variable, not the key")
        local = parts.hostname in _LOOPBACK
        if self.key_env and parts.scheme == "http" and not (local or self.plain_http):
            raise ValueError("url is http, so the key would be readable; use https or `plain_http`")
        taken = [name for name in RESERVED if name in self.parameters]
        if taken:
            raise ValueError(f"parameters must not hold {', '.join(taken)}")
        if self.most_tokens < 1:
            raise ValueError("parameters need max_tokens or max_completion_tokens, at least 1")

    @property
    def most_tokens(self) -> int:
        """Tokens that an answer may have; 0 where the parameters don't say."""
        found = [self.parameters.get(n) for n in ("max_completion_tokens", "max_tokens")]
        return max((n for n in found if isinstance(n, int) and not isinstance(n, bool)), default=0)


@dataclass(frozen=True)
class Budget:
    """What may be spent in the folder `work`, all runs together; 0 means no limit.

    Attributes:
        requests: attempts included.
        tokens: of prompts and answers.
        cost: in the currency of the prices.
        prompt_price, completion_price: of a million tokens.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    requests: AtLeast0[int] = 1000
    tokens: AtLeast0[int] = 0
    cost: AtLeast0[float] = 0.0
    prompt_price: AtLeast0[float] = 0.0
    completion_price: AtLeast0[float] = 0.0

    def __post_init__(self) -> None:
        """Refuse a limit of cost that nothing could reach."""
        if self.cost and not (self.prompt_price or self.completion_price):
            raise ValueError("cost needs prompt_price or completion_price")

    def price(self, prompt: int, completion: int) -> float:
        """Return the cost of so many tokens."""
        return (prompt * self.prompt_price + completion * self.completion_price) / 1e6

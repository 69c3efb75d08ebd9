"""The configuration of a synthesis, a TOML file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.languages import UND, canonical
from opensearch_clir.training.config import Positive, checked
from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Probability
from opensearch_clir.training.synthesis.templates import Task

__all__ = ["Budget", "Config", "Endpoint", "Filters", "Passages", "Queries", "read"]

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
class Passages:
    """Which passages are asked about.

    Attributes:
        file: JSON lines, CSV or a bulk body, as ``clir index`` takes them; without one, the pages
            of the room ``docs`` of the data folder.
        title_field, text_field, lang_field, group_field: of the documents of `file`; a document
            without a language gets it from the detector.
        number: passages that are sampled.
        language_exponent: 0 makes languages equal, 1 leaves them as they are.
        shortest: characters of a passage, at least.
        longest: characters of a passage; longer texts are cut into several.
        lines: of a passage, at most.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    file: Path | None = None
    title_field: str = "title"
    text_field: str = "text"
    lang_field: str = "lang"
    group_field: str = "group"
    number: AtLeast1[int] = 500
    language_exponent: Probability = 0.5
    shortest: AtLeast1[int] = 80
    longest: Annotated[int, Field(ge=100)] = 1200
    lines: Annotated[int, Field(ge=1, le=9)] = 9


@dataclass(frozen=True)
class Queries:
    """What is asked for.

    Attributes:
        languages: of the queries.
        same_language: share of requests for queries in the passage's own language, where that is
            one of `languages`.
        tasks: shares of the kinds of queries.
        requests: per passage; no two of them for the same kind and language.
        count: queries asked for in one request.
        templates: folder of prompts that replace ours.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    same_language: Probability = 0.4
    tasks: dict[Task, AtLeast0[float]] = field(
        default_factory=lambda: {"question": 0.4, "keywords": 0.3, "title": 0.1, "paraphrase": 0.2}
    )
    requests: AtLeast1[int] = 2
    count: Annotated[int, Field(ge=1, le=20)] = 2
    templates: Path | None = None

    def __post_init__(self) -> None:
        """Refuse languages that are unknown or named twice, and tasks without a share."""
        try:
            codes = [canonical(tag) for tag in self.languages]
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        if UND in codes or len(set(codes)) < len(codes):
            raise ValueError("languages must be known ones, each once")
        object.__setattr__(self, "languages", tuple(codes))
        if not sum(self.tasks.values()) > 0:
            raise ValueError("tasks need a share above 0")


@dataclass(frozen=True)
class Filters:
    """Which queries are kept.

    Attributes:
        shortest, longest: characters of a query.
        language: probability of the language that was asked for, at least.
        copy: a longest stretch that the query shares with its passage, as a share of the query,
            from which it is a copy; 1.01 turns it off.
        near: share of letter triples in common (Jaccard) from which two queries of one language
            are the same; above 1 only equal ones are.
        round_trip: the passage must be among so many nearest ones of its language; 0: not asked.
        encoder: finds them; a name as in the settings.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    shortest: AtLeast1[int] = 3
    longest: AtLeast1[int] = 300
    language: Probability = 0.2
    copy: Positive = 0.75
    near: Positive = 0.8
    round_trip: AtLeast0[int] = 20
    encoder: str = "embedded"


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


@dataclass(frozen=True)
class Config:
    """What to ask whom about what.

    Attributes:
        data: data folder; its room ``questions`` receives the rows.
        work: folder of the answers, what they cost and what was rejected.
        endpoint: the language model.
        queries: what is asked for.
        source: name of the file of the rows.
        seed: of the samples.
        passages: what is asked about.
        filters: what is kept.
        budget: what may be spent.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    data: Path
    work: Path
    endpoint: Endpoint
    queries: Queries
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = "llm"
    seed: AtLeast0[int] = 1
    passages: Passages = field(default_factory=Passages)
    filters: Filters = field(default_factory=Filters)
    budget: Budget = field(default_factory=Budget)

    @property
    def out(self) -> Path:
        """The file of the rows."""
        return self.data / "questions" / f"{self.source}.jsonl.gz"


def read(path: Path) -> Config:
    """Return the configuration of a TOML file; relative paths are relative to the file.

    Raises:
        ConfigurationError: no such file, not TOML, or keys that are unknown, missing or of a wrong
            type or range, all of them named.
    """
    config, base = checked(Config, path), path.parent

    def beside(found: Path | None) -> Path | None:
        return None if found is None else base / found

    return replace(
        config,
        data=base / config.data,
        work=base / config.work,
        endpoint=replace(config.endpoint, ca_certs=beside(config.endpoint.ca_certs)),
        passages=replace(config.passages, file=beside(config.passages.file)),
        queries=replace(config.queries, templates=beside(config.queries.templates)),
    )

"""The configuration of a synthesis, a TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.languages import UND, canonical
from opensearch_clir.training.config import validated
from opensearch_clir.training.mixture import AtLeast0, AtLeast1, Positive, Probability
from opensearch_clir.training.synthesis.endpoint import Budget, Endpoint
from opensearch_clir.training.synthesis.templates import Task

__all__ = ["Budget", "Config", "Endpoint", "Filters", "Passages", "Queries", "read"]


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
    config, base = validated(path, Config), path.parent

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

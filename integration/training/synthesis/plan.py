"""What is asked: for each passage some kinds of queries, in some languages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from opensearch_clir.training.synthesis.config import Config
from opensearch_clir.training.synthesis.ledger import key_of
from opensearch_clir.training.synthesis.passages import Passage
from opensearch_clir.training.synthesis.templates import Prompt, Task, Templates

__all__ = ["Job", "jobs"]

#: Draws for one request before its passage is left with fewer.
TRIES = 20


@dataclass(frozen=True)
class Job:
    """One request: queries of a kind, in a language, about a passage."""

    passage: Passage
    task: Task
    query_lang: str
    prompt: Prompt
    key: str

    @property
    def bytes(self) -> int:
        """Size of the prompt in UTF-8, which no tokenizer's count exceeds."""
        return sum(len(message["content"].encode()) + 16 for message in self.prompt.messages)


def jobs(chosen: Iterable[Passage], config: Config, templates: Templates) -> list[Job]:
    """Return the requests, in an order that leaves every beginning of it a fair sample.

    What is asked about a passage depends on it and the configuration alone.
    """
    asked = config.queries
    tasks = [task for task, share in asked.tasks.items() if share > 0]
    shares = np.array([asked.tasks[task] for task in tasks])
    ordered: list[tuple[int, bytes, Job]] = []
    for passage in chosen:
        digest = hashlib.sha256(f"{passage.lang}\0{passage.text}".encode()).digest()
        rng = np.random.default_rng([config.seed, *digest])
        pairs: dict[tuple[Task, str], None] = {}
        for _ in range(asked.requests * TRIES):
            task = tasks[rng.choice(len(tasks), p=shares / shares.sum())]
            pairs[(task, _language(rng, passage.lang, config))] = None
            if len(pairs) == asked.requests:
                break
        for turn, (task, lang) in enumerate(pairs):
            prompt = templates.prompt(task, lang, passage.lang, passage.text, asked.count)
            key = key_of(config.endpoint.model, prompt.messages, config.endpoint.parameters)
            ordered.append((turn, digest, Job(passage, task, lang, prompt, key)))
    return [job for _, _, job in sorted(ordered, key=lambda row: row[:2])]


def _language(rng: np.random.Generator, own: str, config: Config) -> str:
    """Draw the language of a query about a passage in the language `own`."""
    asked = config.queries
    others = [lang for lang in asked.languages if lang != own]
    if own in asked.languages and (not others or rng.random() < asked.same_language):
        return own
    return others[rng.integers(len(others))]

"""Which text goes before a query and before a passage, for models that were trained with one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opensearch_clir.encoders.base import Role

__all__ = ["Prompts", "choose"]

#: Names under which models state their prompts, first match wins.
_NAMES: dict[Role, tuple[str, ...]] = {
    "query": ("query", "search_query", "retrieval.query"),
    "passage": ("passage", "document", "search_document", "retrieval.passage", "corpus"),
}

_INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages\nQuery: "

#: Families whose model cards ask for prompts that their files often don't state:
#: (pattern of the model's name, query prompt, passage prompt); the first match counts.
_FAMILIES = (
    (r"\be5-.*instruct\b|\be5-mistral\b", _INSTRUCTION, ""),
    (r"\be5-(small|base|large)\b", "query: ", "passage: "),
    (r"\bnomic-embed-text\b", "search_query: ", "search_document: "),
    (r"\bbge-.*-en\b", "Represent this sentence for searching relevant passages: ", ""),
    (r"\bbge-.*-zh\b", "为这个句子生成表示以用于检索相关文章：", ""),
)


@dataclass(frozen=True)
class Prompts:
    """The prompts in use; an empty string means none."""

    query: str
    passage: str

    def of(self, role: Role) -> str:
        """Return the prompt of a role."""
        return self.query if role == "query" else self.passage


def choose(
    name: str, stated: Mapping[str, str | None], query: str | None, passage: str | None
) -> Prompts:
    """Return the prompts: those given, else the model's own, else those of a known family.

    Args:
        name: name of the model on the hub, or the last part of its folder.
        stated: prompts by name from the model's files. Empty ones don't count: the library fills
            them in for models that state nothing. A model that states a prompt for one role has
            none for the other unless stated too.
        query, passage: what the user gave; an empty string switches a prompt off.
    """
    own = {role: _first(stated, names) for role, names in _NAMES.items()}
    if not any(own.values()):
        own["query"], own["passage"] = _family(name)
    return Prompts(
        own["query"] if query is None else query,
        own["passage"] if passage is None else passage,
    )


def _first(stated: Mapping[str, str | None], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := stated.get(name))), "")


def _family(name: str) -> tuple[str, str]:
    for pattern, query, passage in _FAMILIES:
        if re.search(pattern, name, re.IGNORECASE):
            return query, passage
    return "", ""

"""The entities of a text, most informative first, and the keys they are indexed and found by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from opensearch_clir.entities.candidates import Candidate, candidates
from opensearch_clir.entities.exact import MAX_KEY
from opensearch_clir.entities.scan import prepared, runs

__all__ = ["ENTITY_RULES", "Entity", "EntityKind", "Role", "entities", "entity_keys"]

#: Version of everything that changes a key or the choice of entities; part of a document's digest.
ENTITY_RULES = 1

#: Characters that are read; the start of a text of megabytes names what it is about.
READ_CHARACTERS = 200_000

#: Distinct keys that one document has at most.
PASSAGE_KEYS = 256

#: Entities of a query.
QUERY_ENTITIES = 32

#: ``code``: letters with digits; ``address``: URL, domain, e-mail; ``name``: what capitals, script
#: or spelling mark; ``number``; ``word``: any other word, in case documents know it as a name.
EntityKind = Literal["code", "address", "name", "number", "word"]

Role = Literal["query", "passage"]


@dataclass(frozen=True)
class Entity:
    """One entity of a text.

    Attributes:
        text: as it stands there, without marks; a code may be two words.
        kind: see `EntityKind`.
        keys: at least one, of at most `MAX_KEY` characters, the most trusted first.
    """

    text: str
    kind: EntityKind
    keys: tuple[str, ...]


def entities(text: str, role: Role = "passage") -> tuple[Entity, ...]:
    """Return the distinct entities of a text, most informative first.

    The keys are the same in both roles; they differ in what is taken. A passage gives what is
    marked as a name by its capitals or its script, codes, numbers and addresses, up to
    `PASSAGE_KEYS` keys from its first `READ_CHARACTERS`. A query gives all its words besides (kind
    ``word``), as people type names in lower case, up to `QUERY_ENTITIES`.

    Never raises, for any string; deterministic; linear in the length of the text. The same for
    each Unicode normal form.
    """
    return tuple(_limited(text, role))


def entity_keys(text: str, role: Role = "passage") -> tuple[str, ...]:
    """Return the distinct keys of the entities of a text, as a document's field holds them.

    Same order and limits as `entities`.
    """
    found = dict.fromkeys(key for entity in entities(text, role) for key in entity.keys)
    return tuple(found)[:PASSAGE_KEYS] if role == "passage" else tuple(found)


def _limited(text: str, role: Role) -> Iterator[Entity]:
    seen: set[str] = set()
    count = 0
    for candidate in _ranked(text, role):
        keys = tuple(key for key in candidate.made() if len(key) <= MAX_KEY)
        if not keys or keys[0] in seen:
            continue
        seen.update(keys)
        count += 1
        yield Entity(candidate.text, candidate.kind, keys)
        if len(seen) >= PASSAGE_KEYS if role == "passage" else count >= QUERY_ENTITIES:
            return


def _ranked(text: str, role: Role) -> list[Candidate]:
    distinct = dict.fromkeys(
        candidates(list(runs(prepared(text)[:READ_CHARACTERS])), generous=role == "query")
    )
    return sorted(distinct, key=lambda candidate: candidate.rank)

"""How much an entity tells: keys that many documents have say little, rare ones much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opensearch_clir.entities.extract import Entity

__all__ = ["WeightedEntity", "rarity", "total", "trust", "weighted"]

#: Share of the documents from which on a key says nothing: years, the owner's own brand.
COMMON_SHARE = 0.2

#: What a plain word of a query is worth beside what is marked as a name, code or number.
PLAIN_WORD = 0.5

# Worth of a shared sound by the signs of its key, up to the last: each sign makes chance rarer.
_SOUNDS = {4: 0.4, 5: 0.5, 6: 0.6, 7: 0.7}
_SKELETONS = {4: 0.3, 5: 0.4, 6: 0.5}


@dataclass(frozen=True)
class WeightedEntity:
    """What finding one entity of a query is worth.

    Attributes:
        entity: of the query.
        keys: ``(key, weight)`` of the keys that some document has, heaviest first, weights in
            (0, 1]. A document earns the heaviest of those it has, not their sum.
        weight: the entity's share in the sum over the query, in (0, 1].
    """

    entity: Entity
    keys: tuple[tuple[str, float], ...]
    weight: float


def trust(key: str) -> float:
    """Return how much sharing this key is worth, in (0, 1]: 1 for exact ones, less for sounds."""
    if key[0] == "=":
        return 1.0
    if key[-1].isdigit():  # a name and its number
        return 0.9
    worth = _SOUNDS if key[0] == "~" else _SKELETONS
    return worth[min(max(len(key) - 1, min(worth)), max(worth))]


def rarity(documents: int, with_key: int) -> float:
    """Return a key's inverse document frequency, normalised to [0, 1].

    ``1 - ln(n) / ln(0.2 N + 1)``: 1 for one document (or none), 0 from a fifth of the index on.

    Args:
        documents: N, documents that have the field, >= 0.
        with_key: n, documents that have the key, >= 0.
    """
    if with_key <= 1:
        return 1.0
    most = COMMON_SHARE * documents + 1
    return max(0.0, 1 - math.log(with_key) / math.log(most)) if most > 1 else 0.0


def weighted(
    entities: Sequence[Entity], frequencies: Mapping[str, int], documents: int
) -> tuple[WeightedEntity, ...]:
    """Weigh the entities of a query.

    The evidence of a document is the sum over entities of the heaviest key that the document has,
    divided by `total`: in [0, 1].

    A plain word none of whose keys any document has is left out: nothing says that it is a name. A
    name, code, number or address counts in full, so that documents without it stay doubtful.
    Entities whose keys are in too many documents are left out, too.

    Args:
        entities: of the query, from `entities(text, role="query")`.
        frequencies: key to the number of documents that have it; a missing one counts 0.
        documents: documents that have the field, >= 0.
    """
    result: list[WeightedEntity] = []
    for entity in entities:
        worth = PLAIN_WORD if entity.kind == "word" else 1.0
        found = [(key, frequencies.get(key, 0)) for key in entity.keys]
        scored = [(key, worth * trust(key) * rarity(documents, n)) for key, n in found if n > 0]
        scored = sorted((s for s in scored if s[1] > 0), key=lambda s: (-s[1], s[0]))
        if scored:
            result.append(WeightedEntity(entity, tuple(scored), scored[0][1]))
        elif entity.kind != "word" and not any(n for _, n in found):
            result.append(WeightedEntity(entity, (), trust(entity.keys[0])))
    return tuple(result)


def total(parts: Sequence[WeightedEntity]) -> float:
    """Return what evidence is divided by, >= 1: the entities' weights, at least one rare code.

    Without that least, a word that sounds like one in some document would be a full match.
    """
    return max(1.0, math.fsum(part.weight for part in parts))

"""What survives across languages: names, codes, numbers, versions, addresses, as keys.

``entities`` runs at ingest and at query time; two texts that share a key share an entity. The first
character of a key says how it was made and how far to trust it:

====== ============================================== ==========================================
``=``  exact, in Latin letters                        ``=bmw``, ``=iso9001``, ``=2.19.1``
``~``  sound, with three classes of vowels            ``~toki`` of Tokyo, Токио, トウキョウ, طوكيو
``^``  consonants alone, for scripts without vowels   ``^lbsg`` of Leipzig and Лейпциг
====== ============================================== ==========================================
"""

from __future__ import annotations

from opensearch_clir.entities.extract import (
    ENTITY_RULES,
    Entity,
    EntityKind,
    entities,
    entity_keys,
)
from opensearch_clir.entities.rarity import WeightedEntity, rarity, total, trust, weighted

__all__ = [
    "ENTITY_RULES",
    "Entity",
    "EntityKind",
    "WeightedEntity",
    "entities",
    "entity_keys",
    "rarity",
    "total",
    "trust",
    "weighted",
]

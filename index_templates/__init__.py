"""Index settings, mappings and component templates: JSON files, filled and checked."""

from __future__ import annotations

from opensearch_clir.index_templates.fields import Fields
from opensearch_clir.index_templates.schema import Generation, IndexSchema, SourceField

__all__ = ["Fields", "Generation", "IndexSchema", "SourceField"]

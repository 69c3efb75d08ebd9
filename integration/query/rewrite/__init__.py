"""Queries that know nothing of us: the free text in them also finds documents by meaning.

`rewrite` takes a whole query object and returns one; it is what the service, the gateway and
``clir rewrite`` call. Read in this order: `syntax` (which texts are plain words), `leaves` (which
clauses hold them), `walk` (where in a query they stand), `build` (what they become).
"""

from opensearch_clir.query.rewrite.build import LEAST_PROBABILITY
from opensearch_clir.query.rewrite.fields import OwnFields, user_fields
from opensearch_clir.query.rewrite.question import free_text
from opensearch_clir.query.rewrite.walk import Planner, rewrite

__all__ = ["LEAST_PROBABILITY", "OwnFields", "Planner", "free_text", "rewrite", "user_fields"]

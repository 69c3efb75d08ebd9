"""A planner without a server, for tests of rewriting."""

from __future__ import annotations

from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema, SourceField
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.query.plan import QueryPlan, make_plan
from opensearch_clir.query.words import QueryWords
from query_cases import PARAMETERS, schema, statistics, vector

FIELDS = (SourceField("title", 2), SourceField("text"))


class FixedPlanner:
    """Plans every text alike; remembers the texts it was asked for."""

    def __init__(self, tokens: int = 2) -> None:
        self.schema: IndexSchema = schema(fields=FIELDS)
        self.asked: list[str] = []
        self._found = statistics(*(f"t{i}" for i in range(tokens)))

    def plan(self, text: str) -> QueryPlan:
        self.asked.append(text)
        if "too long" in text:
            raise QueryError("too long")
        fields = {"clir.text.de": self._found, "clir.text.any": self._found}
        posterior = LanguagePosterior.certain("de")
        words = QueryWords.plain(text)
        return make_plan(words, posterior, vector(), fields, self.schema, PARAMETERS, 200)

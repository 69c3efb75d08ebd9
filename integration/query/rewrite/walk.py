"""Where in a query its free text stands: a pure function of query, plans and threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opensearch_clir.errors import QueryError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.query.plan import QueryPlan
from opensearch_clir.query.rewrite.build import (
    LEAST_PROBABILITY,
    by_meaning,
    fitted,
    leaf_count,
)
from opensearch_clir.query.rewrite.leaves import Leaf, leaves_of, read_leaf, word_count

__all__ = ["Planner", "rewrite"]

Query = Mapping[str, Any]

#: Leaf clauses of one query in all, at any depth: the server refuses more than 1,024 by default.
MAX_LEAVES = 1_000

#: Fields that a clause is assumed to look in, each with a leaf for every word, if nobody says.
OWN_FIELDS = 4

#: Fields of ours beside those of the languages, which a clause over all fields looks in, too.
OUR_FIELDS = 10

#: Levels of a query that are looked into; a deeper one is left alone below.
MAX_DEPTH = 30


class Planner(Protocol):
    """Knows one managed index; `opensearch_clir.Clir` is one."""

    @property
    def schema(self) -> IndexSchema:
        """The set-up of the index."""

    def plan(self, text: str) -> QueryPlan:
        """Return which evidence a text counts, and how much.

        Raises:
            QueryError: the text can't be searched by meaning.
        """


def rewrite(
    query: Query,
    planner: Planner,
    *,
    least: float = LEAST_PROBABILITY,
    own_fields: Sequence[str] | None = None,
) -> Query:
    """Return a query in which free text finds documents by meaning, too.

    Understood are ``match``, ``match_phrase``, ``multi_match``, ``combined_fields``,
    ``query_string`` and ``simple_query_string`` without syntax, over all fields or a source field
    of the index, in ``bool``, ``constant_score``, ``dis_max``, ``function_score`` and
    ``boosting``; not what ``must_not`` excludes. All else is left as it is, so rewriting twice
    changes nothing.

    Args:
        query: the value of ``query`` in a search body, as a user sends it or with all defaults
            filled in. It is not changed.
        planner: of the index.
        least: probability in (0, 1) from which a document is found by meaning alone.
        own_fields: the users' fields, as `OwnFields` reads them. A clause over all fields has a
            leaf for each word in each of our fields, too, and the server refuses more than 1,024;
            where it would have too many, it looks in these fields instead.

    Returns:
        A new query that shares unchanged parts, or, where nothing was understood, the same object.

    Raises:
        QueryError: `least` is not in (0, 1).
        ClusterError, EncoderError: the planner's.
    """
    if not 0 < least < 1:
        raise QueryError(f"least must be a probability between 0 and 1, got {least!r}")
    rewriter = _Rewriter(planner, least, own_fields)
    # What is left alone has leaves, too.
    rewriter.count(query)
    new: Query = rewriter.query(query, scored=True, depth=0)
    return new


class _Rewriter:
    """One rewriting: its plans by text, and the leaf clauses so far."""

    def __init__(self, planner: Planner, least: float, own: Sequence[str] | None) -> None:
        self._planner = planner
        self._least = least
        self._fields = [field.name for field in planner.schema.fields]
        # A mapping may have been read before the first document brought them.
        self._own = list(dict.fromkeys([*own, *self._fields])) if own else []
        self._plans: dict[str, QueryPlan | None] = {}
        self._leaves = 0

    def count(self, query: Any) -> None:
        """Count the leaf clauses that a query has by itself."""
        # Fields below others are keywords as a rule, and have one leaf for a whole text.
        own = sum(not pattern.endswith(".*") for pattern in self._own) or OWN_FIELDS
        self._leaves += leaves_of(query, own) + len(self._own)

    def query(self, query: Any, *, scored: bool, depth: int) -> Any:
        """Return a clause rewritten; the same object where nothing was understood."""
        if not isinstance(query, Mapping) or len(query) != 1 or depth > MAX_DEPTH:
            return query
        kind, body = next(iter(query.items()))
        if kind == "bool" and isinstance(body, Mapping):
            if _field_scoped(body):
                return query
            alike = self._alike(body)
            if alike is None:
                return _with(query, kind, self._bool(body, scored, depth))
            return self._rewritten(alike, scored) or query
        parts = _PARTS.get(kind)
        if parts is None or not isinstance(body, Mapping):
            leaf = self._leaf(query)
            return query if leaf is None else self._rewritten(leaf, scored) or query
        key, counts = parts
        return _with(query, kind, self._changed(body, {key: scored and counts}, depth))

    def _bool(self, body: Query, scored: bool, depth: int) -> Query:
        return self._changed(body, {"must": scored, "should": scored, "filter": False}, depth)

    def _changed(self, body: Query, keys: Mapping[str, bool], depth: int) -> Query:
        changed = body
        for key, scored in keys.items():
            part = body.get(key)
            if isinstance(part, Sequence) and not isinstance(part, str):
                new: Any = [self.query(p, scored=scored, depth=depth + 1) for p in part]
                same = all(a is b for a, b in zip(part, new, strict=True))
            else:
                new = self.query(part, scored=scored, depth=depth + 1)
                same = new is part
            changed = changed if same else {**changed, key: new}
        return changed

    def _alike(self, body: Query) -> Leaf | None:
        """Return a ``bool`` that says one text to several fields as one clause."""
        clauses = body.get("should")
        if set(body) - _ONLY_SHOULD:
            return None
        if not isinstance(clauses, Sequence) or isinstance(clauses, str) or len(clauses) < 2:
            return None
        if str(body.get("minimum_should_match", 1)) != "1":
            return None
        leaves = [
            read_leaf(c, self._fields, self._own) if isinstance(c, Mapping) else None
            for c in clauses
        ]
        found = [leaf for leaf in leaves if leaf is not None]
        if len(found) < len(clauses) or len({leaf.text for leaf in found}) > 1:
            return None
        boost = body.get("boost", 1.0)
        strict = {"bool": {**body, "should": [leaf.strict for leaf in found]}}
        usable = isinstance(boost, (int, float)) and boost > 0
        if not usable:
            return None
        return Leaf(found[0].text, {"bool": body}, strict, boost)

    def _leaf(self, clause: Any) -> Leaf | None:
        return read_leaf(clause, self._fields) if isinstance(clause, Mapping) else None

    def _rewritten(self, leaf: Leaf, scored: bool) -> Query | None:
        plan = self._plan(leaf.text)
        if plan is None or plan.empty:
            return None
        added = 0
        if leaf.everywhere:
            added = word_count(leaf.text) * (len(self._planner.schema.languages) + OUR_FIELDS)
            if self._own and self._leaves + added + leaf_count(plan) > MAX_LEAVES:
                leaf, added = read_leaf(leaf.original, self._fields, self._own) or leaf, 0
        fitting = fitted(plan, MAX_LEAVES - self._leaves - added)
        if fitting is None:
            return None
        self._leaves += added + leaf_count(fitting)
        return by_meaning(leaf, fitting, scored=scored, least=self._least)

    def _plan(self, text: str) -> QueryPlan | None:
        if text not in self._plans:
            try:
                self._plans[text] = self._planner.plan(text)
            except QueryError:  # too long, or no text: the server knows what to do with it
                self._plans[text] = None
        return self._plans[text]


def _field_scoped(body: Query) -> bool:
    """Whether a ``bool`` is what Dashboards makes of ``field: words``: one field was meant."""
    clauses = body.get("should")
    if set(body) - _ONLY_SHOULD or not isinstance(clauses, list) or len(clauses) != 1:
        return False
    one = clauses[0]
    named = isinstance(one, Mapping) and set(one) <= {"match", "match_phrase"}
    return named and str(body.get("minimum_should_match")) == "1"


#: Keys of a ``bool`` that says nothing but alternatives.
_ONLY_SHOULD = {"should", "minimum_should_match", "adjust_pure_negative", "boost"}

#: Compound queries with one part to look into, and whether its scores count.
_PARTS = {
    "constant_score": ("filter", False),
    "dis_max": ("queries", True),
    "function_score": ("query", True),
    "boosting": ("positive", True),
}


def _with(query: Query, kind: str, body: Query) -> Query:
    return query if body is query[kind] else {kind: body}

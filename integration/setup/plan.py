"""What a set-up will do, decided from the state alone: nothing is sent here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from opensearch_clir.debias.transform import Debias
from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.settings import Settings
from opensearch_clir.setup import requests, words
from opensearch_clir.setup.conflicts import check_namespace
from opensearch_clir.setup.decide import check_usable, indexed, moves
from opensearch_clir.setup.desired import Wish, desired_schema, existing_schema
from opensearch_clir.setup.inspect import IndexState, check_new_name
from opensearch_clir.setup.requests import Request

__all__ = ["Case", "Migration", "Request", "SetupPlan", "plan_setup", "target_name"]

Case = Literal["new", "extend", "migrate", "exact", "current"]


@dataclass(frozen=True)
class Migration:
    """A copy of all documents into a new index, and what follows it.

    Attributes:
        source, target: concrete indices.
        before_switch: gives the target the source's own pipelines, which must not run on copies.
        switch: moves the names in one step; None: the user's name is the old index itself, which
            would have to be deleted.
    """

    source: str
    target: str
    before_switch: Request
    switch: Request | None


@dataclass(frozen=True)
class SetupPlan:
    """What will be done.

    Attributes:
        index: the name that was given.
        case: ``new`` creates the index; ``extend`` adds fields in place; ``exact`` does either
            without a k-NN graph; ``migrate`` copies into a new index; ``current``: all is there.
        summary: one sentence for the user.
        cost: what it costs, in one sentence.
        requests: what is sent, in order; of a migration, what comes before the copy.
        schema: what the index will have.
        server: version of the server.
        notes: what the user should know besides.
        migration: the copy, in case ``migrate``.
        measure: whether the constant of BM25 is yet to be measured.
        debias: fitted for the generation, to be stored before anything is sent; None: nothing new.
    """

    index: str
    case: Case
    summary: str
    cost: str
    requests: tuple[Request, ...]
    schema: IndexSchema
    server: tuple[int, ...]
    notes: tuple[str, ...] = ()
    migration: Migration | None = None
    measure: bool = False
    debias: Debias | None = None

    @property
    def managed(self) -> str:
        """Name under which the result can be read."""
        return self.migration.target if self.migration else self.index

    def with_problem(self, problem: str) -> SetupPlan:
        """The same plan with a note that comes first, and a summary that points to it."""
        summary = self.summary
        if self.case == "current":
            summary = f"{self.index}: the fields are there already, but the index can't be used."
        return replace(self, summary=summary, notes=(problem, *self.notes))

    def with_constant(self, constant: float) -> SetupPlan:
        """The same plan with the BM25 constant as measured."""
        return replace(
            self,
            schema=self.schema.with_constant(constant),
            requests=tuple(requests.with_constant(r, constant) for r in self.requests),
            measure=False,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the plan for programs, with every request it will send."""
        sent = list(self.requests)
        if self.migration is not None:
            sent += [self.migration.before_switch]
            sent += [self.migration.switch] if self.migration.switch else []
        return {
            "index": self.index,
            "case": self.case,
            "summary": self.summary,
            "cost": self.cost,
            "notes": list(self.notes),
            "requests": [r.to_json() for r in sent],
            "schema": self.schema.to_meta(),
        }


def plan_setup(
    state: IndexState,
    settings: Settings,
    generation: Generation,
    *,
    exact: bool = False,
    migrate: bool = False,
    to: str | None = None,
    target: IndexState | None = None,
    delete_old: bool = False,
    activate: bool | None = None,
    templates: bool = True,
) -> SetupPlan:
    """Decide what to do.

    Args:
        state: of the index.
        settings: what the user wants; in an index set up before, only what is named anew counts.
        generation: the vectors to have.
        exact: score all vectors by script where the index has no k-NN.
        migrate: copy the documents into a new index where the index has no k-NN.
        to: name of that index; given, the copy is made in any case.
        target: state of that index, needed to migrate.
        delete_old: whether the old index may be deleted, so that its name can become an alias.
        activate: whether queries use a new generation at once; None: if no document has another.
        templates: whether component templates are installed.

    Raises:
        IndexClosedError: an index is closed.
        NamespaceTakenError: a field of the user's has the name of our object.
        IndexStateError: a choice is needed, or something is in the way; with the remedy.
    """
    check_usable(state)
    templates = templates and state.components is not None
    rebuild = moves(state, migrate, to)
    generation = replace(generation, indexed=rebuild or indexed(state, exact))
    wish = desired_schema(state, settings, generation, activate=activate, rebuild=rebuild)
    _check_names(state, wish)
    if rebuild:
        return _migration(state, wish, target, delete_old, templates)
    return _in_place(state, wish, templates)


def target_name(state: IndexState, to: str | None) -> str:
    """Return the name of the index that a migration would fill."""
    return to or (f"{state.members[0].name}-clir" if state.members else state.name)


def _check_names(state: IndexState, wish: Wish) -> None:
    namespace = wish.schema.namespace
    if not state.members:
        check_new_name(state.name)
        check_namespace(state.name, namespace, state.template.get("mappings", {}), managed=False)
    for member in state.members:
        managed = member.ours is not None
        check_namespace(member.name, namespace, member.mappings, managed=managed)


def _in_place(state: IndexState, wish: Wish, templates: bool) -> SetupPlan:
    schema = wish.schema
    if not state.members:
        made = [requests.create(state, schema)]
    else:
        made = requests.extend(state, schema)
    if templates:
        made += requests.components(state, schema)
    case: Case = "extend" if state.members else "new"
    if not schema.generation.indexed:
        case = "exact"
    if not made:
        case = "current"
    return SetupPlan(
        index=state.name,
        case=case,
        summary=words.summary(case, state, schema),
        cost=words.cost(case, state, schema),
        requests=tuple(made),
        schema=schema,
        server=state.server,
        notes=wish.notes + words.notes(state),
        measure=existing_schema(state) is None,
    )


def _migration(
    state: IndexState, wish: Wish, target: IndexState | None, delete_old: bool, templates: bool
) -> SetupPlan:
    if target is None:
        raise ValueError("plan_setup needs the state of the target to migrate")
    source, schema = state.members[0], wish.schema
    check_new_name(target.name)
    half_done = _half_done(source.name, target, schema)
    if half_done is not None:
        schema = half_done
    name = requests.setup_name(state)
    made = [] if half_done else [requests.create(target, schema, source, name)]
    if templates:
        made += requests.components(state, schema)
    migration = Migration(
        source=source.name,
        target=target.name,
        before_switch=requests.pipelines_of(source, target.name),
        switch=requests.switch(state, target.name, delete_old=delete_old),
    )
    return SetupPlan(
        index=state.name,
        case="migrate",
        summary=words.summary("migrate", state, schema, target.name),
        cost=words.cost("migrate", state, schema),
        requests=tuple(made),
        schema=schema,
        server=state.server,
        notes=wish.notes + words.notes(state),
        migration=migration,
        measure=not half_done and existing_schema(state) is None,
    )


def _half_done(source: str, target: IndexState, wanted: IndexSchema) -> IndexSchema | None:
    """Return the schema of a target that an interrupted migration of ours left, or None."""
    if target.kind == "missing":
        return None
    there = target.members[0].ours if target.kind == "concrete" else None
    setup: Mapping[str, Any] = (there or {}).get("setup", {})
    if there is None or setup.get("migrated_from") != source:
        raise IndexStateError(
            f"{target.name!r} exists already: choose another name for the new index with --to"
        )
    schema = IndexSchema.from_meta(there, target.name)
    if schema.with_constant(0) != wanted.with_constant(0):
        raise IndexStateError(
            f"{target.name!r} was begun by a migration with other options: repeat those, or "
            "delete that index"
        )
    return schema

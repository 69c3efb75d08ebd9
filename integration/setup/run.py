"""A set-up from beginning to end, as the facade and the command line use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.progress import Progress, silent
from opensearch_clir.settings import Settings
from opensearch_clir.setup.apply import apply
from opensearch_clir.setup.copying import Enrich
from opensearch_clir.setup.desired import existing_schema
from opensearch_clir.setup.generation import build_generation, generation_id
from opensearch_clir.setup.inspect import IndexState, inspect
from opensearch_clir.setup.migrate import MigrationResult, migrate
from opensearch_clir.setup.plan import SetupPlan, plan_setup, target_name

__all__ = ["Options", "carry_out", "prepare", "set_up"]


@dataclass(frozen=True)
class Options:
    """Decisions that only some indices need; see `plan_setup`."""

    exact: bool = False
    migrate: bool = False
    to: str | None = None
    delete_old: bool = False
    activate: bool | None = None
    templates: bool = True


def set_up(
    client: OpenSearch,
    index: str,
    settings: Settings,
    *,
    encoder: Encoder | None = None,
    options: Options | None = None,
    enrich: Enrich | None = None,
    progress: Progress = silent,
) -> IndexSchema:
    """Prepare an index, or create it; a repeated call changes nothing.

    Args:
        index: an index, an alias or a data stream; or a name not in use.
        settings: in an index set up before, only what is named explicitly changes anything.
        encoder: in place of the one that the settings name.
        options: decisions that only some indices need.
        enrich: for a migration, in place of this package's own enrichment.
        progress: told of a migration's documents.

    Returns:
        The schema that the index has now.

    Raises:
        IndexStateError: a decision is needed, or something is in the way; with the remedy.
        EncoderError: the encoder can't be loaded.
        ClusterError: the cluster refused or did not answer.
    """
    plan = prepare(client, index, settings, encoder=encoder, options=options)
    outcome = carry_out(client, plan, encoder=encoder, enrich=enrich, progress=progress)
    return outcome.schema if isinstance(outcome, MigrationResult) else outcome


def prepare(
    client: OpenSearch,
    index: str,
    settings: Settings,
    *,
    encoder: Encoder | None = None,
    options: Options | None = None,
) -> SetupPlan:
    """Return what `set_up` would do; the cluster is only read.

    Raises:
        IndexStateError, EncoderError, ClusterError: as `set_up`.
    """
    options = options or Options()
    if options.exact and options.migrate:
        raise IndexStateError("--exact and --migrate exclude each other: choose one")
    state = inspect(client, index)
    generation = _generation(state, settings, encoder)
    target: IndexState | None = None
    if options.migrate and state.members:
        name = target_name(state, options.to)
        target = state if name == index else inspect(client, name)
    return plan_setup(
        state,
        settings,
        generation,
        exact=options.exact,
        migrate=options.migrate,
        to=options.to,
        target=target,
        delete_old=options.delete_old,
        activate=options.activate,
        templates=options.templates,
    )


def carry_out(
    client: OpenSearch,
    plan: SetupPlan,
    *,
    encoder: Encoder | None = None,
    enrich: Enrich | None = None,
    progress: Progress = silent,
) -> IndexSchema | MigrationResult:
    """Carry out a plan; in case ``migrate`` with the copy and the switch.

    Raises:
        IndexStateError, EncoderError, ClusterError: as `set_up`.
    """
    if plan.migration is None:
        return apply(client, plan)
    enrich = enrich or _enrichment(plan.schema, plan.managed, encoder)
    return migrate(client, plan, enrich, progress=progress)


def _generation(state: IndexState, settings: Settings, encoder: Encoder | None) -> Generation:
    """Return the generation to have; one that the index knows is not measured again."""
    there = existing_schema(state)
    chosen = settings.model_fields_set & {"encoder", "query_prompt", "passage_prompt"}
    if encoder is None and there is not None and not chosen:
        return there.generation
    loaded = encoder or _load(settings)
    prompts: dict[str, Any] = {
        "query_prompt": settings.query_prompt,
        "passage_prompt": settings.passage_prompt,
    }
    if there is not None:
        known = there.generations.get(generation_id(loaded, **prompts))
        if known is not None:
            return known
    return build_generation(loaded, **prompts)


def _load(settings: Settings) -> Encoder:
    from opensearch_clir.encoders import load_encoder

    return load_encoder(
        settings.encoder,
        query_prompt=settings.query_prompt,
        passage_prompt=settings.passage_prompt,
    )


def _enrichment(schema: IndexSchema, index: str, encoder: Encoder | None) -> Enrich:
    """Return this package's enrichment for an index that may not exist yet."""
    from opensearch_clir.clir import open_encoder
    from opensearch_clir.ingest.pipeline import Enricher
    from opensearch_clir.language.registry import load_detector

    enricher = Enricher(
        schema,
        encoder or open_encoder(schema, index),
        load_detector(schema.detector, schema.languages),
    )
    actions_only: Callable[..., Any] = enricher.actions_only
    return lambda actions: actions_only(actions)

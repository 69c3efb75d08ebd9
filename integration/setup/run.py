"""A set-up from beginning to end, as the facade and the command line use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.debias.encoder import GenerationEncoder
from opensearch_clir.debias.store import with_debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.encoders.registry import EMBEDDED, load_encoder
from opensearch_clir.errors import ConfigurationError, EncoderError, IndexStateError
from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.progress import Progress, silent
from opensearch_clir.settings import Settings
from opensearch_clir.setup.apply import apply
from opensearch_clir.setup.copying import Enrich
from opensearch_clir.setup.desired import existing_schema
from opensearch_clir.setup.inspect import IndexState, check_new_name, inspect
from opensearch_clir.setup.migrate import MigrationResult, migrate
from opensearch_clir.setup.plan import SetupPlan, plan_setup, target_name
from opensearch_clir.setup.vectors import wanted_vectors

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
        DataError: too few texts to fit the debiasing on.
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
        IndexStateError, DataError, EncoderError, ClusterError: as `set_up`.
    """
    options = options or Options()
    if options.exact and options.migrate:
        raise IndexStateError("--exact and --migrate exclude each other: choose one")
    state = inspect(client, index)
    if not state.members:
        check_new_name(index)
    vectors = wanted_vectors(client, state, settings, encoder, options.activate)
    generation = vectors.generation
    problem = None if encoder is not None else _changed_files(state, generation)
    target: IndexState | None = None
    if options.migrate and state.members:
        name = target_name(state, options.to)
        target = state if name == index else inspect(client, name)
    plan = plan_setup(
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
    plan = replace(plan, debias=vectors.debias)
    return plan if problem is None else plan.with_problem(problem)


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
    enrich = enrich or _enrichment(client, plan, encoder)
    return migrate(client, plan, enrich, progress=progress)


def _changed_files(state: IndexState, wanted: Generation) -> str | None:
    """Say that the active encoder's files are not those of the index, if so.

    Only the embedded encoder and folders are looked at: others might have to be fetched first.
    """
    there = existing_schema(state)
    if there is None or wanted.id != there.active:
        return None
    name = wanted.encoder
    if name != EMBEDDED and not Path(name).expanduser().is_dir():
        return None
    prompts = {"query_prompt": wanted.query_prompt, "passage_prompt": wanted.passage_prompt}
    try:
        found = load_encoder(name, **prompts).fingerprint
    except (EncoderError, ConfigurationError) as error:
        return f"the encoder {name!r} can't be used here: {error}"
    if found == wanted.fingerprint:
        return None
    return (
        f"the files of the encoder {name!r} have changed since this index was set up "
        f"({wanted.fingerprint[:12]}, now {found[:12]}), so that searching and indexing are "
        f"refused: bring the old files back, or run `clir setup {state.name} --encoder {name} "
        "--activate` and index the documents again"
    )


def _enrichment(client: OpenSearch, plan: SetupPlan, encoder: Encoder | None) -> Enrich:
    """Return this package's enrichment for an index that may not exist yet."""
    from opensearch_clir.clir import open_encoder
    from opensearch_clir.ingest.pipeline import Enricher
    from opensearch_clir.language.registry import load_detector

    schema = plan.schema
    encoder = encoder or open_encoder(schema, plan.managed)
    if plan.debias is not None and schema.generation.debias is not None:
        encoder = GenerationEncoder(encoder, plan.debias)
    encoder = with_debias(client, schema.generation, encoder, plan.managed)
    enricher = Enricher(schema, encoder, load_detector(schema.detector, schema.languages))
    actions_only: Callable[..., Any] = enricher.actions_only
    return lambda actions: actions_only(actions)

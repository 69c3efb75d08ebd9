"""The schema that an index should have: the settings' wishes over what is already there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.languages import UND, choose_analyzer
from opensearch_clir.settings import Settings
from opensearch_clir.setup.inspect import IndexState
from opensearch_clir.translation.lexicon import embedded_lexicon

__all__ = ["Wish", "desired_schema", "existing_schema"]


@dataclass(frozen=True)
class Wish:
    """The schema to reach, and what the user should know about it."""

    schema: IndexSchema
    notes: tuple[str, ...] = ()


def existing_schema(state: IndexState) -> IndexSchema | None:
    """Return the one set-up that the indices behind a name have, or None.

    Raises:
        IndexStateError: they have different ones, or one is damaged.
    """
    schemas = state.schemas()
    if not schemas:
        return None
    first, *others = schemas.values()
    if any(other != first for other in others):
        raise IndexStateError(
            f"the indices behind {state.name!r} are set up in different ways "
            f"({', '.join(schemas)}): run `clir setup` for each by its own name, with the same "
            "options"
        )
    return first


def desired_schema(
    state: IndexState,
    settings: Settings,
    generation: Generation,
    *,
    activate: bool | None = None,
    rebuild: bool = False,
) -> Wish:
    """Return the schema to reach.

    In an index that was set up before, only what the user names anew changes.

    Args:
        state: what is there.
        settings: what the user wants.
        generation: vectors to have; ``indexed`` already decided.
        activate: whether queries use them at once; None: only where no document has others.
        rebuild: the documents go to a new index, so that analyzers may change.

    Raises:
        IndexStateError: another namespace than the one in use.
    """
    there = existing_schema(state)
    notes: list[str] = []
    if there is None:
        kept: Mapping[str, str] = _mapped_analyzers(state, settings.namespace)
        base = _fresh(settings, generation)
    else:
        kept = there.analyzers
        base = _changed(there, settings, state.name)
        if rebuild:  # a new index has graphs, whatever the old one had
            graphs = {g.id: replace(g, indexed=True) for g in base.generations.values()}
            base = replace(base, generations=graphs)
        base, more = _with_generation(base, generation, state, activate)
        notes += more
        dropped = [code for code in there.languages if code not in base.languages]
        if dropped:
            codes = ", ".join(dropped[:10]) + (", …" if len(dropped) > 10 else "")
            notes.append(
                f"{len(dropped)} of {len(there.languages)} languages are dropped ({codes}): their "
                "fields stay, but are neither written nor searched any more; to keep them, name "
                "them in --languages, too"
            )
        if base.fields != there.fields:
            notes.append("documents indexed before keep what was made of the old fields")
    analyzers, better = _analyzers(base.languages, {} if rebuild else kept, state)
    lexicon = embedded_lexicon().id
    if there is not None and not (there.entities and there.lexicon == lexicon):
        notes.append(
            "documents indexed before have no entities and translated words of this version until "
            "they are indexed again"
        )
    base = replace(base, analyzers=analyzers, entities=True, lexicon=lexicon)
    return Wish(base, (*notes, *better))


def _fresh(settings: Settings, generation: Generation) -> IndexSchema:
    return IndexSchema(
        fields=settings.source_fields,
        languages=settings.languages,
        analyzers={},
        generations={generation.id: generation},
        active=generation.id,
        lang_field=settings.lang_field,
        group_field=settings.group_field,
        detector=settings.detector,
        lang_threshold=settings.lang_threshold,
        namespace=settings.namespace,
    )


def _changed(there: IndexSchema, settings: Settings, index: str) -> IndexSchema:
    given = settings.model_fields_set
    if "namespace" in given and settings.namespace != there.namespace:
        raise IndexStateError(
            f"index {index!r} is set up under the name {there.namespace!r} already: run "
            f"`clir uninstall {index}` first, or leave --namespace out"
        )
    changes: dict[str, Any] = {
        name: getattr(settings, name)
        for name in ("languages", "lang_field", "group_field", "detector", "lang_threshold")
        if name in given
    }
    if "fields" in given:
        changes["fields"] = settings.source_fields
    return replace(there, **changes)


def _with_generation(
    base: IndexSchema, generation: Generation, state: IndexState, activate: bool | None
) -> tuple[IndexSchema, list[str]]:
    known = {**base.generations}
    # What was measured when the generation was made stays valid: a repeated set-up changes nothing.
    known.setdefault(generation.id, generation)
    base = replace(base, generations=known)
    if generation.id == base.active:
        return base, []
    if activate is None:
        activate = all(member.enriched == 0 for member in state.members)
    if activate:
        return replace(base, active=generation.id), []
    chosen = f"--encoder {generation.encoder}"
    if generation.debias or base.generation.debias:
        chosen += f" --debias {generation.debias.method if generation.debias else 'none'}"
    return base, [
        (
            f"queries and new documents go on with the vectors of {base.generation.label}; `clir "
            f"setup {state.name} {chosen} --activate` moves both to {generation.label}, and each "
            "document has its new vector once indexed again"
        )
    ]


def _mapped_analyzers(state: IndexState, namespace: str) -> dict[str, str]:
    """Analyzers of text fields that an uninstalled set-up left behind."""
    found: dict[str, str] = {}
    for member in state.members:
        ours = member.properties.get(namespace, {}).get("properties", {})
        for code, field in ours.get("text", {}).get("properties", {}).items():
            found[code] = field.get("analyzer", "standard")
    found.pop("any", None)
    return found


def _analyzers(
    languages: tuple[str, ...], kept: Mapping[str, str], state: IndexState
) -> tuple[dict[str, str], list[str]]:
    plugins = state.plugins or frozenset()
    best = {code: choose_analyzer(code, plugins) for code in (*languages, UND)}
    chosen = {code: kept.get(code, best[code]) for code in best}
    # None: the list of plugins could not be read, so nothing better is known.
    worse = [c for c in chosen if state.plugins is not None and chosen[c] != best[c]]
    if not worse:
        return chosen, []
    changes = ", ".join(
        f"{code} {chosen[code]} (now {best[code]} would be chosen)" for code in worse
    )
    return chosen, [
        (
            f"analyzers can't be changed in place, so these stay: {changes}; "
            f"`clir setup {state.name} --migrate --to NEW` makes a new index with the others"
        )
    ]

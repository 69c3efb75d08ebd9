"""Which vectors an index is to have: the encoder, its prompts, and what is done to its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opensearchpy import OpenSearch

from opensearch_clir.debias import store
from opensearch_clir.debias.encoder import GenerationEncoder
from opensearch_clir.debias.fit import fit_debias
from opensearch_clir.debias.method import Method
from opensearch_clir.debias.transform import Debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.language.registry import load_detector
from opensearch_clir.settings import Settings
from opensearch_clir.setup import debias_sample
from opensearch_clir.setup.desired import desired_schema, existing_schema
from opensearch_clir.setup.generation import build_generation, generation_id
from opensearch_clir.setup.inspect import IndexState

__all__ = ["Vectors", "wanted_vectors"]

_ENCODING = frozenset({"encoder", "query_prompt", "passage_prompt"})


@dataclass(frozen=True)
class Vectors:
    """The generation to have.

    Attributes:
        generation: all that changes a vector.
        debias: its debiasing, where it was fitted just now and is to be stored.
    """

    generation: Generation
    debias: Debias | None = None


def wanted_vectors(
    client: OpenSearch,
    state: IndexState,
    settings: Settings,
    encoder: Encoder | None,
    activate: bool | None,
) -> Vectors:
    """Return the generation to have; one that the index knows is neither measured nor fitted again.

    The cluster is only read.

    Raises:
        IndexStateError: one is to be activated, but it is not clear which.
        DataError: too few texts to fit a debiasing on.
        EncoderError, ClusterError: the encoder or the sample can't be had.
    """
    there = existing_schema(state)
    named = settings.model_fields_set
    if isinstance(encoder, GenerationEncoder):
        encoder = encoder.plain
    if (
        there is not None
        and encoder is None
        and not named & {*_ENCODING, "debias", "debias_sample"}
    ):
        return Vectors(_pending(there, state.name) if activate else there.generation)
    # Where debiasing alone is named, the encoder stays what it is.
    active = there.generation if there is not None and not named & _ENCODING else None
    name = active.encoder if active else settings.encoder
    query_prompt = active.query_prompt if active else settings.query_prompt
    passage_prompt = active.passage_prompt if active else settings.passage_prompt
    loaded = encoder or load_encoder(name, query_prompt=query_prompt, passage_prompt=passage_prompt)
    known: Mapping[str, Generation] = there.generations if there is not None else {}
    prompts = (query_prompt, passage_prompt)
    method = _method(settings, there)
    if method.kind != "none":
        same = _with_method(client, known, loaded, prompts, method)
        if same is not None and settings.debias_sample is None:
            return Vectors(same)
    plain = known.get(generation_id(loaded, *prompts)) or build_generation(
        loaded, query_prompt=query_prompt, passage_prompt=passage_prompt
    )
    if method.kind == "none":
        return Vectors(plain)
    debias = _fit(client, state, settings, plain, loaded, method)
    found = known.get(generation_id(loaded, *prompts, debias))
    return Vectors(
        found
        or build_generation(
            loaded, query_prompt=query_prompt, passage_prompt=passage_prompt, debias=debias
        ),
        debias,
    )


def _method(settings: Settings, there: IndexSchema | None) -> Method:
    if "debias" in settings.model_fields_set or there is None:
        return Method.parse(settings.debias)
    reference = there.generation.debias
    return Method.parse(reference.method if reference is not None else "none")


def _with_method(
    client: OpenSearch,
    known: Mapping[str, Generation],
    encoder: Encoder,
    prompts: tuple[str | None, str | None],
    method: Method,
) -> Generation | None:
    """Return a known generation that differs at most in the sample its debiasing was fitted on."""
    for generation in known.values():
        reference = generation.debias
        if (
            reference is not None
            and reference.method == str(method)
            and generation.fingerprint == encoder.fingerprint
            and (generation.query_prompt, generation.passage_prompt) == prompts
            and store.exists(client, generation)
        ):
            return generation
    return None


def _fit(
    client: OpenSearch,
    state: IndexState,
    settings: Settings,
    plain: Generation,
    encoder: Encoder,
    method: Method,
) -> Debias:
    schema = desired_schema(state, settings, plain).schema
    if settings.debias_sample is not None:
        documents = debias_sample.of_file(settings.debias_sample)
    elif state.members:
        documents = iter(debias_sample.of_index(client, state.name, schema))
    else:
        documents = iter(())
    detector = load_detector(schema.detector, schema.languages)
    vectors = debias_sample.vectors_by_language(documents, schema, detector, encoder)
    return fit_debias(method, vectors)


def _pending(schema: IndexSchema, index: str) -> Generation:
    """Return the one generation that is not active."""
    waiting = [g for g in schema.generations.values() if g.id != schema.active]
    if len(waiting) == 1:
        return waiting[0]
    if not waiting:
        raise IndexStateError(
            f"{index!r} has the vectors of {schema.generation.label} only: name the encoder "
            "to activate with --encoder, or a debiasing with --debias"
        )
    names = ", ".join(g.label for g in waiting)
    raise IndexStateError(
        f"{index!r} can activate {names}: name one with --encoder, or with --debias where only "
        "that differs"
    )

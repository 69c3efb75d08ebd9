"""Where fitted debiasings are kept in the cluster: one immutable document for each generation."""

from __future__ import annotations

from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConflictError, RequestError

from opensearch_clir.cluster import guarded
from opensearch_clir.debias.codec import from_document, to_document
from opensearch_clir.debias.encoder import GenerationEncoder
from opensearch_clir.debias.method import Method
from opensearch_clir.debias.transform import Debias
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.errors import ClusterAuthError, IndexStateError
from opensearch_clir.index_templates.schema import Generation

__all__ = ["DEBIAS_INDEX", "exists", "load", "save", "with_debias"]

#: Hidden index of the debiasings; the id of a document is its generation's.
DEBIAS_INDEX = "clir-debias"

_BODY: dict[str, Any] = {
    "settings": {"index.hidden": True, "number_of_shards": 1, "auto_expand_replicas": "0-1"},
    "mappings": {
        "dynamic": False,
        "properties": {"method": {"type": "keyword"}, "digest": {"type": "keyword"}},
    },
}


def save(client: OpenSearch, generation: Generation, debias: Debias) -> None:
    """Keep a generation's debiasing; saving the same again changes nothing.

    Raises:
        IndexStateError: there is another one under this id.
        ClusterError: the server refused or did not answer.
    """
    try:
        with guarded(f"making the index {DEBIAS_INDEX!r}"):
            if not client.indices.exists(index=DEBIAS_INDEX):
                _create(client)
        with guarded(f"storing the debiasing of generation {generation.id}"):
            _put(client, generation, debias)
    except ClusterAuthError as error:
        raise ClusterAuthError(
            f"{error}; the one who sets up needs `create_index`, `read` and `index` on "
            f"{DEBIAS_INDEX!r}"
        ) from error


def exists(client: OpenSearch, generation: Generation) -> bool:
    """Whether the debiasing of a generation is there and can be read.

    Raises:
        ClusterError: the server did not answer, or reading is not allowed.
    """
    return _get(client, generation, f"generation {generation.id}") is not None


def load(client: OpenSearch, generation: Generation, index: str) -> Debias:
    """Return the debiasing of a generation.

    Args:
        client: connected client.
        generation: with a debiasing.
        index: that has the generation, for messages.

    Raises:
        ClusterAuthError: this user may not read it.
        IndexStateError: it is missing or damaged, or not the one the index was made with.
        ClusterError: the server did not answer.
    """
    reference = generation.debias
    if reference is None:
        return Debias(Method("none"), generation.dimension)
    document = _get(client, generation, f"index {index!r}")
    remedy = (
        f"restore it from a snapshot, or run `clir setup {index} --debias {reference.method} "
        "--activate` and index the documents again"
    )
    where = f"the debiasing of index {index!r} ({DEBIAS_INDEX}/{generation.id})"
    if document is None:
        raise IndexStateError(f"{where} is missing: {remedy}")
    debias = from_document(document, where)
    if debias.digest != reference.digest:
        raise IndexStateError(f"{where} is not the one its vectors were made with: {remedy}")
    return debias


def with_debias(
    client: OpenSearch, generation: Generation, encoder: Encoder, index: str
) -> Encoder:
    """Return the encoder with the generation's debiasing; itself where there is none.

    Raises:
        IndexStateError, ClusterError: see `load`.
        GenerationMismatchError: the debiasing is for vectors of another dimension.
    """
    if generation.debias is None:
        return encoder
    if isinstance(encoder, GenerationEncoder):
        if encoder.debias.digest == generation.debias.digest:
            return encoder
        encoder = encoder.plain
    return GenerationEncoder(encoder, load(client, generation, index))


def _create(client: OpenSearch) -> None:
    try:
        client.indices.create(index=DEBIAS_INDEX, body=_BODY)
    except RequestError as error:
        if error.error != "resource_already_exists_exception":
            raise


def _put(client: OpenSearch, generation: Generation, debias: Debias) -> None:
    try:
        client.create(
            index=DEBIAS_INDEX,
            id=generation.id,
            body=to_document(debias),
            params={"refresh": "true"},
        )
    except ConflictError:
        found = client.get(index=DEBIAS_INDEX, id=generation.id)["_source"]
        if found.get("digest") != debias.digest:
            raise IndexStateError(
                f"{DEBIAS_INDEX}/{generation.id} holds another debiasing: it was changed by hand; "
                "delete that document and repeat"
            ) from None


def _get(client: OpenSearch, generation: Generation, whose: str) -> dict[str, Any] | None:
    try:
        with guarded(f"reading the debiasing of {whose} from {DEBIAS_INDEX!r}"):
            answer = client.get(index=DEBIAS_INDEX, id=generation.id, params={"ignore": 404})
    except ClusterAuthError as error:
        raise ClusterAuthError(
            f"{error}; whoever writes to or searches a debiased index needs `read` on "
            f"{DEBIAS_INDEX!r}"
        ) from error
    return answer["_source"] if answer.get("found") else None

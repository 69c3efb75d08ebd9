"""What a plan tells the user, in sentences."""

from __future__ import annotations

from opensearch_clir.index_templates.schema import Generation, IndexSchema
from opensearch_clir.setup.inspect import IndexState

__all__ = ["cost", "needs_a_choice", "notes", "stream_without_knn", "summary"]

#: Bytes per vector component on disk: the value, and a share of the graph.
_BYTES_PER_COMPONENT = 5


def summary(case: str, state: IndexState, schema: IndexSchema, target: str = "") -> str:
    """Return what will happen."""
    fields = ", ".join(str(f.name) + (f"^{f.boost}" if f.boost != 1 else "") for f in schema.fields)
    what = (
        f"{len(schema.languages)} languages, text of {fields}, vectors of "
        f"{schema.generation.label} ({schema.generation.dimension} dimensions)"
    )
    for added in _added(state, schema):
        what += f" and, beside them, of {added.label} ({added.dimension} dimensions)"
    name = state.name
    if case == "current":
        return f"{name}: everything is set up already; nothing to do."
    if case == "new":
        return f"{name}: a new index is created, with {what}."
    if case == "migrate":
        source = state.members[0].name
        return (
            f"{name}: the documents of {source} are copied into a new index {target}, with {what}."
        )
    how = "added to the existing index, in place" if state.members else "put into a new index"
    if case == "exact":
        return f"{name}: fields are {how}, with {what}, compared one by one (no k-NN graph)."
    return f"{name}: fields are {how}, with {what}."


def cost(case: str, state: IndexState, schema: IndexSchema) -> str:
    """Return what it costs: documents to enrich, disk space, downtime."""
    if case == "current":
        return "No request is sent."
    documents = sum(m.documents or 0 for m in state.members)
    waiting = documents - sum(m.enriched or 0 for m in state.members)
    vectors = documents * schema.generation.dimension * _BYTES_PER_COMPONENT
    if case == "migrate":
        size = sum(m.bytes or 0 for m in state.members)
        return (
            f"{documents:,} documents are enriched and copied; the new index takes about "
            f"{megabytes(size + vectors)} beside the old one. Searches go on; at the switch, "
            "writes are refused for a moment."
        )
    if not documents:
        return "No documents yet, no downtime."
    tail = " Every search then reads all vectors." if case == "exact" else ""
    if _switches(state, schema):
        waiting = documents
    if not waiting:
        return f"No downtime. All {documents:,} documents have vectors.{tail}"
    return (
        f"No downtime. {waiting:,} of {documents:,} documents have no vectors yet: they are found "
        f"by their own words once indexed again; vectors take about {megabytes(vectors)}.{tail}"
    )


def _known(state: IndexState) -> dict[str, IndexSchema]:
    """Return the set-ups that are there by their active generation."""
    return {schema.active: schema for schema in state.schemas().values()}


def _added(state: IndexState, schema: IndexSchema) -> list[Generation]:
    """Return the generations that are new, but not yet the active one."""
    there = {key for known in _known(state).values() for key in known.generations}
    new = [g for key, g in schema.generations.items() if there and key not in there]
    return [g for g in new if g.id != schema.active]


def _switches(state: IndexState, schema: IndexSchema) -> bool:
    """Whether another generation becomes active, which the documents have no vectors of."""
    known = _known(state)
    return bool(known) and schema.active not in known


def notes(state: IndexState) -> tuple[str, ...]:
    """Return what is unusual about the index and matters here."""
    found: list[str] = []
    if state.components is None:
        found.append("component templates are left out: this user may not read them")
    if state.plugins is None:
        found.append("the nodes' plugins can't be listed, so built-in analyzers are used")
    for member in state.members:
        source = member.mappings.get("_source", {})
        if source.get("enabled", True) in (False, "false"):
            found.append(f"{member.name} keeps no _source: updates of single documents won't work")
        elif source.get("includes") or source.get("excludes"):
            found.append(
                f"{member.name} filters its _source: fields of ours that it leaves out are lost "
                "when a document is updated"
            )
    return tuple(found)


def needs_a_choice(state: IndexState) -> str:
    """Return the message for an index without k-NN, which can't be switched on later."""
    member = state.members[0]
    documents = "" if member.documents is None else f" with {member.documents:,} documents"
    return (
        f"index {member.name!r}{documents} was made without index.knn, which is final. Either "
        f"`clir setup {state.name} --migrate` copies it into a new index, or `clir setup "
        f"{state.name} --exact` adds vectors that are compared one by one (slower: for up to some "
        "ten thousand documents)"
    )


def stream_without_knn(state: IndexState) -> str:
    """Return the message for a data stream, whose indices come from an index template."""
    return (
        f"data stream {state.name!r} has indices without index.knn: set up an index of any name, "
        "add its component templates to composed_of of the stream's index template, roll the "
        "stream over, and run this again when the old indices are gone"
    )


def megabytes(size: int) -> str:
    """Return a size in bytes in words, never less than 1 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB"

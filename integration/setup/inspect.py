"""What is there before a set-up: read from the cluster, nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterAuthError, IndexStateError
from opensearch_clir.index_templates.render import component_name
from opensearch_clir.index_templates.schema import META_KEY, IndexSchema
from opensearch_clir.index_templates.validate import flat

__all__ = ["IndexState", "Kind", "Member", "check_name", "check_new_name", "inspect", "lookup"]

Kind = Literal["missing", "concrete", "alias", "stream"]

#: Bytes of an index name.
MAX_NAME = 255

#: Marks an index that was closed; removed when it is opened again.
_CLOSED = "index.verified_before_close"


@dataclass(frozen=True)
class Member:
    """One concrete index.

    Attributes:
        name: its own name.
        settings: flat, as ``{"index.knn": "true"}``.
        mappings: as the server gives them.
        aliases: by name, with filter, routing and ``is_write_index``.
        documents: how many it has; None where it is closed or counting is not allowed.
        enriched: how many of them carry the active generation's vector; None as above.
        bytes: size of its primary shards; None as above.
    """

    name: str
    settings: Mapping[str, Any]
    mappings: Mapping[str, Any]
    aliases: Mapping[str, Any] = field(default_factory=dict)
    documents: int | None = None
    enriched: int | None = None
    bytes: int | None = None

    @property
    def open(self) -> bool:
        """Whether it can be searched."""
        return str(self.settings.get(_CLOSED, "false")) != "true"

    @property
    def knn(self) -> bool:
        """Whether ``index.knn`` is on, which is decided at creation."""
        return str(self.settings.get("index.knn", "false")) == "true"

    @property
    def properties(self) -> Mapping[str, Any]:
        """The mapped top-level fields."""
        found: Mapping[str, Any] = self.mappings.get("properties", {})
        return found

    @property
    def meta(self) -> Mapping[str, Any]:
        """The mapping's ``_meta``, ours and the user's."""
        found: Mapping[str, Any] = self.mappings.get("_meta", {})
        return found

    @property
    def ours(self) -> Mapping[str, Any] | None:
        """``_meta.clir``, if there is one."""
        found: Mapping[str, Any] | None = self.meta.get(META_KEY)
        return found

    @property
    def record(self) -> Mapping[str, Any]:
        """How ``_meta.clir`` came about, noted for `uninstall`; empty if there is none."""
        found: Mapping[str, Any] = (self.ours or {}).get("setup", {})
        return found

    def schema(self) -> IndexSchema | None:
        """Return the index's set-up, or None.

        Raises:
            IndexStateError: it is damaged, or of a newer version of this package.
        """
        return None if self.ours is None else IndexSchema.from_meta(self.ours, self.name)


@dataclass(frozen=True)
class IndexState:
    """Everything a plan depends on.

    Attributes:
        name: as the user gave it.
        kind: ``stream`` is a data stream; ``alias`` may stand for several indices.
        members: the concrete indices behind the name; empty if it is missing.
        server: version, as ``(2, 19, 1)``.
        plugins: those on every node; None where the user may not ask.
        template: settings and mappings that the user's index templates give a new index of this
            name.
        components: installed component templates of ours by name; None where the user may not ask.
    """

    name: str
    kind: Kind
    members: tuple[Member, ...] = ()
    server: tuple[int, ...] = (2, 19, 1)
    plugins: frozenset[str] | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    components: Mapping[str, Any] | None = field(default_factory=dict)

    def schemas(self) -> dict[str, IndexSchema]:
        """Return the set-ups of the managed members by index name. Raises `IndexStateError`."""
        found = {member.name: member.schema() for member in self.members}
        return {name: schema for name, schema in found.items() if schema is not None}


def inspect(client: OpenSearch, name: str) -> IndexState:
    """Read the state of an index, an alias, a data stream, or a name not in use.

    Raises:
        IndexStateError: the name is a pattern or a list.
        ClusterError: no answer, or reading is not allowed.
    """
    kind, found = lookup(client, name)
    with guarded(f"inspecting {name!r}"):
        version = str(client.info()["version"]["number"])
    server = tuple(int(part) for part in version.split("-")[0].split("."))
    installed = _base_name(name, found)
    return IndexState(
        name=name,
        kind=kind,
        members=tuple(_counted(client, index, body) for index, body in found.items()),
        server=server,
        plugins=_plugins(client),
        template=_template(client, name) if kind == "missing" else {},
        components=_components(client, installed),
    )


def lookup(client: OpenSearch, name: str) -> tuple[Kind, dict[str, Any]]:
    """Return what a name stands for, with the description of each index by its own name.

    Raises:
        IndexStateError: the name is a pattern or a list.
        ClusterError: no answer, or reading is not allowed.
    """
    check_name(name)
    params = {"flat_settings": "true", "expand_wildcards": "all"}
    with guarded(f"reading index {name!r}"):
        found = _get(client, f"/{quote(name, safe='')}", params)
    if not found:
        return "missing", {}
    if name in found:
        return "concrete", found
    through_alias = all(name in body.get("aliases", {}) for body in found.values())
    return ("alias" if through_alias else "stream"), dict(sorted(found.items()))


def check_name(name: str) -> None:
    """Refuse patterns, lists and names that no index can have.

    Raises:
        IndexStateError: with the reason.
    """
    if not name or name.startswith(("_", "-", "+")) or set(name) & set('*?,"<>|/\\ #:'):
        raise IndexStateError(f"{name!r} is no index name: name one index, alias or data stream")


def check_new_name(name: str) -> None:
    """Refuse a name that the server gives no index, though an alias may have it.

    Raises:
        IndexStateError: with the reason.
    """
    if name != name.lower():
        raise IndexStateError(f"{name!r} can't be created: index names are in lower case")
    if name in (".", "..") or len(name.encode()) > MAX_NAME:
        raise IndexStateError(f"{name!r} can't be created: too long (255 bytes), or only dots")


def _get(client: OpenSearch, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the answer, or nothing where nothing is found. Ignoring 404 also keeps it unlogged."""
    options = {**(params or {}), "ignore": (404,)}
    answer: dict[str, Any] = client.transport.perform_request("GET", path, params=options)
    return {} if answer.get("status") == 404 else answer


def _counted(client: OpenSearch, index: str, body: Mapping[str, Any]) -> Member:
    plain = Member(index, body["settings"], body["mappings"], body.get("aliases", {}))
    if not plain.open:
        return plain
    schema = plain.schema()
    try:
        with guarded(f"counting the documents of {index!r}"):
            documents = int(client.count(index=index)["count"])
            enriched = 0
            if schema is not None:
                query = {"query": {"exists": {"field": schema.vector_field}}}
                enriched = int(client.count(index=index, body=query)["count"])
            stats = client.indices.stats(index=index, metric="store")
    except ClusterAuthError:
        return plain
    size = int(stats["_all"]["primaries"]["store"]["size_in_bytes"])
    return Member(index, plain.settings, plain.mappings, plain.aliases, documents, enriched, size)


def _plugins(client: OpenSearch) -> frozenset[str] | None:
    try:
        with guarded("listing the plugins"):
            nodes = client.nodes.info(metric="plugins")["nodes"].values()
    except ClusterAuthError:
        return None
    each = [frozenset(plugin["name"] for plugin in node.get("plugins", [])) for node in nodes]
    return frozenset.intersection(*each) if each else None


def _template(client: OpenSearch, name: str) -> dict[str, Any]:
    path = f"/_index_template/_simulate_index/{quote(name, safe='')}"
    try:
        with guarded(f"asking which index template applies to {name!r}"):
            answer = client.transport.perform_request("POST", path)
    except ClusterAuthError:
        return {}
    template: dict[str, Any] = answer.get("template", {})
    return {**template, "settings": flat(template.get("settings", {}))}


def _components(client: OpenSearch, index: str) -> dict[str, Any] | None:
    path = f"/_component_template/{quote(component_name(index), safe='')}"
    try:
        with guarded("reading component templates"):
            answer = _get(client, path)
    except ClusterAuthError:
        return None
    return {
        entry["name"]: entry["component_template"]
        for entry in answer.get("component_templates", [])
    }


def _base_name(name: str, found: Mapping[str, Any]) -> str:
    """Return the name that the set-up was made with: its component templates are called so."""
    for body in found.values():
        ours = body["mappings"].get("_meta", {}).get(META_KEY)
        if isinstance(ours, Mapping):
            return str(ours.get("setup", {}).get("name", name))
    return name

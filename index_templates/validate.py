"""Whether a rendered template or mapping is what the server has, and whether it would accept it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClusterAuthError

__all__ = [
    "Difference",
    "differences",
    "flat",
    "missing_properties",
    "same_template",
    "simulate",
]

#: What the server leaves out of a mapping because it is the default.
_DEFAULTS: Mapping[str, Any] = {
    "type": "object",
    "norms": True,
    "index_options": "positions",
    "similarity": "BM25",
    "analyzer": "standard",
    "parameters": {},
    "properties": {},
}


@dataclass(frozen=True)
class Difference:
    """One place where what is installed is not what was rendered.

    Attributes:
        path: dotted path in the body.
        wanted: value rendered here.
        installed: value on the server; None where there is nothing.
    """

    path: str
    wanted: Any
    installed: Any

    def __str__(self) -> str:
        return f"{self.path} is {self.installed!r} instead of {self.wanted!r}"


def differences(
    wanted: Mapping[str, Any], installed: Mapping[str, Any], path: str = ""
) -> Iterator[Difference]:
    """Yield what `installed` lacks of `wanted`, or has otherwise; its additions don't count.

    Numbers and booleans equal their text forms, and defaults equal nothing, as servers leave
    defaults out and give settings back as text.
    """
    for key, value in wanted.items():
        where = f"{path}.{key}" if path else key
        found = installed.get(key, _DEFAULTS.get(key))
        if isinstance(value, Mapping) and isinstance(found, Mapping):
            yield from differences(value, found, where)
        elif _text(value) != _text(found):
            yield Difference(where, value, found)


def missing_properties(
    wanted: Mapping[str, Any], installed: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Difference]]:
    """Compare mapping ``properties``.

    Returns:
        The properties to add, with the objects around them, and the conflicts: fields that are
        there in another way, which can't be changed in place.
    """
    add: dict[str, Any] = {}
    conflicts: list[Difference] = []
    for name, field in wanted.items():
        there = installed.get(name)
        if there is None:
            add[name] = field
            continue
        outer = {key: value for key, value in field.items() if key != "properties"}
        conflicts += differences(outer, there, name)
        if "properties" in field:
            below, wrong = missing_properties(field["properties"], there.get("properties", {}))
            conflicts += [Difference(f"{name}.{w.path}", w.wanted, w.installed) for w in wrong]
            if below:
                add[name] = {**outer, "properties": below}
    return add, conflicts


def same_template(wanted: Mapping[str, Any], installed: Mapping[str, Any]) -> bool:
    """Whether the installed component template is the rendered one, in both directions."""
    return bool(_canonical(_flattened(wanted)) == _canonical(_flattened(installed)))


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as ``{"index.knn": "true"}``."""
    result: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result


def simulate(client: OpenSearch, template: Mapping[str, Any]) -> None:
    """Let the server check settings and mappings without keeping anything.

    A user who may not simulate templates is not stopped: the requests that follow are checked
    by the server as well.

    Args:
        template: with ``settings`` and ``mappings``.

    Raises:
        ClusterError: the server would refuse them (an analyzer or plugin is missing).
    """
    body = {"index_patterns": ["clir-simulated-*"], "template": dict(template)}
    try:
        with guarded("checking the index template"):
            client.transport.perform_request("POST", "/_index_template/_simulate", body=body)
    except ClusterAuthError:
        return


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _flattened(template: Mapping[str, Any]) -> dict[str, Any]:
    body = dict(template.get("template", {}))
    return {**template, "template": {**body, "settings": flat(body.get("settings", {}))}}


def _canonical(value: Any) -> Any:
    """Leave out defaults and write numbers as text, so that both sides compare equal."""
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if not isinstance(value, Mapping):
        return _text(value)
    made = {key: _canonical(item) for key, item in value.items()}
    return {
        key: item
        for key, item in made.items()
        if item != {} and (key not in _DEFAULTS or item != _text(_DEFAULTS[key]))
    }

"""Which indices a name stands for, and which of them are managed; kept for a short time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import ClirError, IndexStateError
from opensearch_clir.index_templates.schema import META_KEY, IndexSchema

__all__ = ["Found", "Managed", "Targets"]

_log = logging.getLogger(__name__)

#: Seconds for which an answer is kept. Changes that pass through the gateway are seen at once.
TTL = 10.0

#: Expressions whose answers are kept.
KEPT = 1024

_PARTS = "*.mappings._meta.clir,*.settings.index.uuid,*.settings.index.number_of_shards,*.aliases"


@dataclass(frozen=True)
class Managed:
    """A managed index.

    Attributes:
        name: its own.
        schema: its set-up.
        shards: how many primary shards it has.
        routing: that the alias in question gives to writes, if it does.
    """

    name: str
    schema: IndexSchema
    shards: int = 1
    routing: str | None = None


@dataclass(frozen=True)
class Found:
    """What an expression stands for.

    Attributes:
        managed: those set up by us, in order of name.
        others: names of all others.
        uuids: of each index by name, as a PIT has them.
        aliases: of each index by name, as the server describes them.
    """

    managed: tuple[Managed, ...] = ()
    others: tuple[str, ...] = ()
    uuids: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Targets:
    """Asks the cluster what names stand for.

    Args:
        client: with credentials of the gateway's own.
        pool: that the client is called in.
        failed: called with the reason where the cluster does not tell; its names then count as
            not managed, so that their requests pass untouched.
        answered: called where it does tell.
    """

    def __init__(
        self,
        client: OpenSearch,
        pool: Executor,
        failed: Callable[[str], None],
        answered: Callable[[], None],
    ) -> None:
        self._client, self._pool = client, pool
        self._failed, self._answered = failed, answered
        self._kept: OrderedDict[tuple[str, str], tuple[float, Found]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Future[Found]] = {}
        self._changes = 0

    def forget(self) -> None:
        """Ask anew: something was changed."""
        self._changes += 1
        self._kept.clear()
        self._asking.clear()

    async def any(self) -> bool:
        """Whether there is a managed index at all."""
        return bool((await self.find("_all", "all")).managed)

    async def find(self, expression: str, wildcards: str = "open") -> Found:
        """Return what an index expression stands for.

        Args:
            expression: as in a path, decoded: names, aliases, patterns, date math, commas.
            wildcards: which indices patterns reach, as the parameter ``expand_wildcards``.
        """
        key = (expression, wildcards)
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < TTL:
            self._kept.move_to_end(key)
            return kept[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._asked(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._answer_is_there(key, done))
        # A client that leaves must not take the answer from the others that wait for it.
        return await asyncio.shield(asking)

    async def written(self, name: str) -> Managed | None:
        """Return the managed index that documents for a name go to; None where it is not managed.

        An index that is still to be created from a template of ours counts as managed.
        """
        found = await self.find(name, "all")
        if not found.managed and not found.others:
            templated: Managed | None = await self._run(lambda: self._templated(name))
            return templated
        target = _write_index(name, found)
        managed = next((m for m in found.managed if m.name == target), None)
        if managed is None or name == managed.name:
            return managed
        alias = found.aliases[managed.name].get(name, {})
        return replace(managed, routing=alias.get("index_routing"))

    async def _asked(self, key: tuple[str, str]) -> Found:
        changes = self._changes
        found: Found | None = await self._run(lambda: self._ask(*key))
        if found is None:
            return Found()
        if changes == self._changes and (found.managed or found.others):
            self._kept[key] = (time.monotonic(), found)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _answer_is_there(self, key: tuple[str, str], done: asyncio.Future[Found]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]

    async def _run(self, question: Callable[[], Any]) -> Any:
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, question)
        except ClirError as error:
            self._failed(str(error))
            return None
        self._answered()
        return answer

    def _ask(self, expression: str, wildcards: str) -> Found:
        params = {
            "expand_wildcards": wildcards,
            "ignore_unavailable": "true",
            "allow_no_indices": "true",
            "filter_path": _PARTS,
            "ignore": (404, 400),
        }
        with guarded("reading which indices are managed"):
            answer = self._client.transport.perform_request(
                "GET", f"/{quote(expression, safe=',*')}", params=params
            )
        if not isinstance(answer, dict) or "error" in answer:
            return Found()
        managed, others, uuids, aliases = [], [], {}, {}
        for name, body in sorted(answer.items()):
            settings = body.get("settings", {}).get("index", {})
            uuids[name] = settings.get("uuid", "")
            aliases[name] = body.get("aliases", {})
            schema = _schema(body, name)
            if schema is None:
                others.append(name)
            else:
                managed.append(Managed(name, schema, int(settings.get("number_of_shards", 1))))
        return Found(tuple(managed), tuple(others), uuids, aliases)

    def _templated(self, name: str) -> Managed | None:
        if set(name) & set('*?,"<>|\\ #:') or name.startswith(("_", "-", "+")):
            return None
        path = f"/_index_template/_simulate_index/{quote(name, safe='')}"
        params = {"filter_path": "template.mappings._meta.clir", "ignore": (404, 400)}
        with guarded(f"reading which template applies to {name!r}"):
            answer = self._client.transport.perform_request("POST", path, params=params)
        template = answer.get("template", {}) if isinstance(answer, dict) else {}
        schema = _schema(template, name)
        return None if schema is None else Managed(name, schema)


def _schema(body: Mapping[str, Any], name: str) -> IndexSchema | None:
    ours = body.get("mappings", {}).get("_meta", {}).get(META_KEY)
    if not isinstance(ours, Mapping):
        return None
    try:
        return IndexSchema.from_meta(ours, name)
    except IndexStateError as error:
        _log.warning("requests for %s pass unchanged: %s", name, error)
        return None


def _write_index(name: str, found: Found) -> str | None:
    """Return the index that writes to a name go to; None where the server will refuse them."""
    if name in found.uuids:
        return name
    flags = {index: aliases.get(name) for index, aliases in found.aliases.items()}
    if not any(flag is not None for flag in flags.values()):
        return max(flags, default=None)  # a data stream writes to its last index
    chosen = [index for index, flag in flags.items() if flag and flag.get("is_write_index")]
    if chosen:
        return chosen[0]
    return next(iter(flags)) if len(flags) == 1 else None

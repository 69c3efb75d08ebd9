"""The parameters that an index is searched with: of its active bundle, or the built-in ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from opensearchpy import OpenSearch

from opensearch_clir.calibration.bundle import Bundle, Conditions
from opensearch_clir.calibration.parameters import Parameters, builtin
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.calibration.store import BUILTIN, Pointer, Store
from opensearch_clir.errors import (
    ClusterError,
    ConfigurationError,
    DataError,
    GenerationMismatchError,
)
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.setup.inspect import lookup

__all__ = ["Active", "bundle_name", "check_conditions"]

_log = logging.getLogger(__name__)


def bundle_name(client: OpenSearch, index: str) -> str:
    """Return the name that bundles are kept under: an alias of one index means that index.

    Raises:
        ClusterError: no answer, or reading is not allowed.
    """
    kind, found = lookup(client, index)
    return next(iter(found)) if kind == "alias" and len(found) == 1 else index


def check_conditions(bundle: Bundle, schema: IndexSchema, index: str) -> None:
    """Refuse a bundle that was fitted under other conditions than the index has now.

    Raises:
        GenerationMismatchError: with what differs and the remedy.
    """
    differences = _differences(bundle, schema)
    if differences:
        raise GenerationMismatchError(
            f"bundle {bundle.id} does not fit index {index!r} any more ({'; '.join(differences)}): "
            f"run `clir calibrate {index}`"
        )


class Active:
    """Reads the pointer and its bundle; goes on with the last good ones where it can't.

    Args:
        client: connected client.
        index: name of the index or alias.
        given: parameters to use whatever the cluster has.

    A search never fails for want of a bundle: one that does not fit the index any more, is damaged
    or can't be read leaves the built-in parameters, said once in the log and in `note`.

    Attributes:
        note: which parameters are in use and, if it is not the bundle, why.
        second: weights of a reranker, where the bundle in use has them.
    """

    def __init__(self, client: OpenSearch, index: str, given: Parameters | None = None) -> None:
        self.note = "built-in parameters"
        self.second: SecondStage | None = None
        self._given = given
        self._client = client
        self._index = index
        self._store: Store | None = None
        self._pointer: Pointer | None = None
        self._bundle: Bundle | None = None
        self._said: set[str] = set()

    def parameters(self, schema: IndexSchema) -> Parameters:
        """Read the pointer again and return the parameters for an index as it is now."""
        if self._given is not None:
            self.note = f"given parameters ({self._given.origin})"
            return self._given
        problem = self._read()
        bundle = self._bundle
        differences = [] if bundle is None else _differences(bundle, schema)
        self.second = None
        if bundle is not None and not differences:
            self.second = bundle.second
            self.note = f"bundle {bundle.id} of {bundle.created}, {bundle.chosen}"
            if problem:
                self.note += f" (the last one read: {problem})"
                self._say(problem)
            return bundle.parameters
        if bundle is not None:
            problem = (
                f"bundle {bundle.id} is for other conditions ({'; '.join(differences)}): "
                f"run `clir calibrate {self._index}`"
            )
        self.note = "built-in parameters"
        if problem:
            self.note += f": {problem}"
            self._say(problem)
        return builtin()

    def describe(self, pair: str) -> str:
        """Return `note`, and whether an ordered pair such as ``fr>en`` was seen at the fit."""
        if self._bundle is None or not self.note.startswith("bundle"):
            return self.note
        query, document = pair.split(">")
        seen = self._bundle.fitted_on
        if query in seen.queries_in and document in seen.documents_in:
            return self.note
        return f"{self.note}; {pair} was not seen at the fit: the weights of its class count"

    def _read(self) -> str:
        """Bring the bundle up to date; return what hindered it, or nothing."""
        try:
            name = bundle_name(self._client, self._index)
            if self._store is None or self._store.index != name:
                # An alias may be switched, as a migration does: another index, another bundle.
                self._store, self._pointer, self._bundle = Store(self._client, name), None, None
            pointer = self._store.pointer()
            if pointer != self._pointer:
                new = None if pointer.active == BUILTIN else self._store.bundle(pointer.active)
                self._pointer, self._bundle = pointer, new
        except (ClusterError, DataError, ConfigurationError) as error:
            return str(error)
        return ""

    def _say(self, problem: str) -> None:
        if problem not in self._said:
            self._said.add(problem)
            _log.warning("%s: %s", self._index, problem)


def _differences(bundle: Bundle, schema: IndexSchema) -> Sequence[str]:
    return bundle.conditions.differences(Conditions.of(schema))

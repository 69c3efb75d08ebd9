"""The part of the facade that calibrates: fit, look at bundles, go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from opensearchpy import OpenSearch

from opensearch_clir.calibration.active import Active, bundle_name, check_conditions
from opensearch_clir.calibration.bundle import Bundle
from opensearch_clir.calibration.store import BUILTIN, Store
from opensearch_clir.errors import ConfigurationError
from opensearch_clir.progress import Progress, silent
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.rerank.base import Reranker
from opensearch_clir.rerank.registry import EMBEDDED_HITS, load_reranker
from opensearch_clir.rerank.window import WINDOW

if TYPE_CHECKING:
    from opensearch_clir.calibration.calibrate import Calibration
    from opensearch_clir.evaluation.sets import EvaluationSet

__all__ = ["CalibrationMethods"]


class CalibrationMethods:
    """Mixed into `opensearch_clir.Clir`, which says what it is about."""

    client: OpenSearch
    index_name: str
    _active: Active

    def _ready(self) -> Preparer:
        raise NotImplementedError

    def _forget(self) -> None:
        raise NotImplementedError

    def calibrate(
        self,
        judgments: Path | str | EvaluationSet | None = None,
        *,
        prevalence: float | None = None,
        dry_run: bool = False,
        reranker: str | Reranker | bool | None = None,
        window: int = WINDOW,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Calibration:
        """Choose the fusion's parameters for this index, and search with them from now on.

        Every candidate is cross-validated by topic against the built-in parameters; where those
        are as good as anything, nothing is stored.

        Args:
            judgments: an evaluation set or its folder, with ids as in the index; without it,
                translation groups are used where documents have any, or else the corpus alone.
            prevalence: share of the documents that answer a question, in (0, 1); only without
                judgments, which say it themselves.
            dry_run: choose, but store nothing.
            reranker: to be weighed, too, by name or itself; only with judgments. Its weights are
                part of the bundle, if with them held-out topics are ranked better. None: with
                judgments, late interaction with the first hits by the embedded model, which
                searches then use unless told not to. False: none.
            window: first hits of each question that it scores.
            seed: of samples and folds.
            progress: told of questions.

        Raises:
            DataError: a malformed set, ids that are not in the index, or too little data.
            ConfigurationError: a prevalence beside judgments, or not in (0, 1); a reranker
                without judgments, or one that can't be meant.
            RerankerError: the reranker can't be loaded, or failed.
            ClusterError: no answer, refused, or another calibration finished meanwhile.
        """
        from opensearch_clir.calibration.calibrate import calibrate
        from opensearch_clir.evaluation.read_set import read_set

        if isinstance(judgments, (str, Path)):
            judgments = read_set(judgments)
        found = calibrate(
            self._ready(),
            self._bundles(),
            judgments=judgments,
            prevalence=prevalence,
            dry_run=dry_run,
            reranker=_weighed(reranker, judged=judgments is not None),
            window=window,
            seed=seed,
            progress=progress,
        )
        self._forget()
        return found

    def bundles(self) -> list[tuple[Bundle, bool]]:
        """Return the stored bundles, the latest first, and whether each is the active one.

        Raises:
            ClusterError: no answer, or reading is not allowed.
        """
        return self._bundles().history()

    def rollback(self, id: str = BUILTIN) -> None:  # noqa: A002 - what it is called everywhere
        """Search with an earlier bundle, or with the built-in parameters.

        Raises:
            ConfigurationError: there is no such bundle of this index.
            DataError: it is damaged.
            GenerationMismatchError: it was fitted for other vectors, analyzers or rules.
            ClusterError: no answer, refused, or somebody else was faster.
        """
        store = self._bundles()
        seen = store.pointer()
        if id != BUILTIN:
            check_conditions(store.bundle(id), self._ready().schema, self.index_name)
        store.move(id, seen)
        self._forget()

    @property
    def calibration(self) -> str:
        """Which parameters searches use and, if they are not the active bundle's, why."""
        self._ready()
        return self._active.note

    def _bundles(self) -> Store:
        return Store(self.client, bundle_name(self.client, self.index_name))


def _weighed(reranker: str | Reranker | bool | None, *, judged: bool) -> Reranker | None:
    """Return the reranker that a caller means."""
    if reranker is True:
        raise ConfigurationError("reranker must be a reranker's name, itself or False, got True")
    if reranker is False or (reranker is None and not judged):
        return None
    name = EMBEDDED_HITS if reranker is None else reranker
    return load_reranker(name) if isinstance(name, str) else name

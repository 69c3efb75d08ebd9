"""Evaluating a set from beginning to end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearchpy import OpenSearch

from opensearch_clir.encoders.base import Encoder
from opensearch_clir.evaluation.experiment import Experiment, Measured, Options
from opensearch_clir.evaluation.result import result
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.workbench import workbench
from opensearch_clir.progress import Progress, silent
from opensearch_clir.settings import Settings

__all__ = ["evaluate"]


def evaluate(
    client: OpenSearch,
    evaluation_set: EvaluationSet,
    settings: Settings,
    options: Options,
    *,
    encoder: Encoder | None = None,
    resamples: int = 10_000,
    progress: Progress = silent,
) -> tuple[dict[str, Any], Mapping[str, Measured]]:
    """Run all systems on a throw-away index of the set's documents.

    Returns:
        The result in the layout of ``clir evaluate --json``, and what each system did.

    Raises:
        ConfigurationError: an unknown system or measure, or fewer topics than folds.
        DataError: a document can't be indexed, or there is too little data to fit.
        ClusterError: the server refused or did not answer.
    """
    with workbench(client, evaluation_set, settings, encoder=encoder, progress=progress) as bench:
        experiment = Experiment(bench, options, progress)
        measured = experiment.run()
        found = result(experiment, measured, resamples=resamples, progress=progress)
    return found, measured

"""Evidence of sets, read from the server once and kept on disk, so that fits need no server.

Fits are tried many times on the same evidence, and reading it takes minutes a set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from opensearchpy import OpenSearch

from opensearch_clir.calibration.feedback_windows import DocumentVectors, read_vectors
from opensearch_clir.calibration.fit import Places
from opensearch_clir.calibration.gather import Rows, gather
from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.evaluation.read_set import read_set
from opensearch_clir.evaluation.sets import EvaluationSet
from opensearch_clir.evaluation.thin import thin
from opensearch_clir.evaluation.tuning import cross_fitted, judged
from opensearch_clir.evaluation.workbench import Workbench, workbench
from opensearch_clir.progress import to_stream
from opensearch_clir.settings import Settings

__all__ = ["THIN", "Gathered", "by_fold", "cached", "gathered", "limited", "read", "read_evidence"]

#: Of the files that are kept.
FORMAT = 2

#: A name of a set with this and a number behind it means its one-language-per-group variant.
THIN = "-thin"


@dataclass(frozen=True)
class Gathered:
    """What a set says about the fusion.

    Attributes:
        name: of the set.
        rows: evidence of its queries.
        topics: query id -> component; a component is never split over folds.
        background: location and scale of unrelated cosines by pair class.
        vectors: of the documents in the rows.
    """

    name: str
    rows: list[Rows]
    topics: Mapping[str, str]
    background: Mapping[str, tuple[float, float]]
    vectors: DocumentVectors


def read(place: str | Path) -> EvaluationSet:
    """Read a folder; ``FOLDER-thin0`` is the variant of ``FOLDER`` with one language per group."""
    path = Path(place)
    name, _, seed = path.name.rpartition(THIN)
    if path.exists() or not (name and seed.isdecimal()):
        return read_set(path)
    return thin(read_set(path.with_name(name)), int(seed))


def limited(full: EvaluationSet, most: int | None) -> EvaluationSet:
    """Keep whole topics of a set, drawn at random, with about `most` queries."""
    if most is None or len(full.queries) <= most:
        return full
    names = sorted(set(full.components.values()))
    kept: set[str] = set()
    for i in np.random.default_rng(0).permutation(len(names)):
        found = {query for query, topic in full.components.items() if topic == names[i]}
        if len(kept) + len(found) <= most:
            kept |= found
    return replace(
        full,
        queries={query: full.queries[query] for query in full.queries if query in kept},
        qrels={query: full.qrels[query] for query in full.qrels if query in kept},
    )


def gathered(
    client: OpenSearch, settings: Settings, found: EvaluationSet, cache: Path | None = None
) -> Gathered:
    """Return the evidence of a set, from `cache` where it has it, else through an own index."""
    kept = cached(settings, found, cache)
    if kept is not None:
        return kept
    with workbench(client, found, settings, progress=to_stream()) as bench:
        return read_evidence(bench, settings, cache)


def read_evidence(bench: Workbench, settings: Settings, cache: Path | None = None) -> Gathered:
    """Return the evidence of a set whose index is there, and keep it."""
    found = bench.set
    kept = cached(settings, found, cache)
    if kept is not None:
        return kept
    queries = judged(found, list(found.queries))
    evidence = gather(bench.preparer, queries, list(found.documents))
    rows = list(to_stream()(evidence, label=found.name, total=len(queries)))
    background = bench.preparer.schema.generation.background
    vectors = read_vectors(bench.preparer, rows)
    result = Gathered(found.name, rows, dict(found.components), background, vectors)
    if cache is not None:
        _write(_file(cache, settings, found), result)
    return result


def cached(settings: Settings, found: EvaluationSet, cache: Path | None) -> Gathered | None:
    """Return what `cache` has of a set with the encoder of the settings; None if nothing."""
    if cache is None or not (file := _file(cache, settings, found)).exists():
        return None
    with np.load(file, allow_pickle=False) as arrays:
        about: dict[str, Any] = json.loads(str(arrays["about"]))
        ends = np.cumsum(about["sizes"])[:-1]
        parts = {
            name: np.split(arrays[name], ends)
            for name in ("documents", "cosine", "words", "relevant", "weight")
        }
        vectors = dict(zip(about["vectors"], arrays["vectors"], strict=True))
        names = np.split(arrays["ids"], ends)
    rows = [
        Rows(query, lang, *(parts[name][i] for name in parts), ids=tuple(names[i].tolist()))
        for i, (query, lang) in enumerate(about["queries"])
    ]
    background = {name: (place[0], place[1]) for name, place in about["background"].items()}
    return Gathered(about["name"], rows, about["topics"], background, vectors)


def _write(file: Path, result: Gathered) -> None:
    rows: Sequence[Rows] = result.rows
    about = {
        "name": result.name,
        "queries": [[row.query, row.lang] for row in rows],
        "sizes": [len(row.cosine) for row in rows],
        "topics": result.topics,
        "background": result.background,
        "vectors": list(result.vectors),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        file,
        about=np.array(json.dumps(about)),
        documents=np.concatenate([row.documents for row in rows]),
        cosine=np.concatenate([row.cosine for row in rows]),
        words=np.concatenate([row.words for row in rows]),
        relevant=np.concatenate([row.relevant for row in rows]),
        weight=np.concatenate([row.weight for row in rows]),
        ids=np.concatenate([np.array(row.ids) for row in rows]),
        vectors=np.stack(list(result.vectors.values())),
    )


def _file(cache: Path, settings: Settings, found: EvaluationSet) -> Path:
    """Return where evidence is kept: by encoder, documents and queries."""
    digest = hashlib.sha256(load_encoder(settings.encoder).fingerprint.encode())
    digest.update(json.dumps([FORMAT, sorted(found.documents), sorted(found.queries)]).encode())
    return cache / f"{found.name}-{digest.hexdigest()[:12]}.npz"


def by_fold(
    evidence: Gathered, folds: Mapping[str, int], prior: Parameters | None = None
) -> dict[int, Parameters]:
    """Return the fusion's parameters for each fold, with feedback, fitted on the others.

    Args:
        evidence: of one set.
        folds: of its queries.
        prior: in place of the built-in parameters.
    """
    places = Places(evidence.background)
    return {
        fold: cross_fitted(
            [row for row in evidence.rows if folds[row.query] != fold],
            evidence.topics,
            places,
            f"all folds but {fold}",
            prior,
            evidence.vectors,
        )
        for fold in sorted(set(folds.values()))
    }

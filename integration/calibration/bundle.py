"""A calibration bundle: fitted parameters, and everything that they are valid for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from opensearch_clir.calibration.parameters import Parameters
from opensearch_clir.calibration.second import SecondStage
from opensearch_clir.entities import ENTITY_RULES
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.index_templates.schema import IndexSchema

__all__ = ["FORMAT", "Bundle", "Conditions", "FittedOn", "Trial"]

#: Version of the layout and of the evidence that the weights are for; readers refuse any other.
FORMAT = 1


@dataclass(frozen=True)
class Conditions:
    """What an index must have for its evidence to mean what it meant at the fit.

    Attributes:
        generation: id of the active vectors.
        lexicon: id of the vocabulary whose pieces are indexed, or None.
        analyzers: digest of fields with their boosts, languages and analyzers.
        bm25_constant: factor c of the server's BM25.
        entities: version of the rules for entities; 0 where the index has no such field.
    """

    generation: str
    lexicon: str | None
    analyzers: str
    bm25_constant: float
    entities: int

    @classmethod
    def of(cls, schema: IndexSchema) -> Conditions:
        """Return what holds for an index now."""
        text = {
            "fields": [str(field) for field in schema.fields],
            "languages": list(schema.languages),
            "analyzers": dict(schema.analyzers),
        }
        return cls(
            generation=schema.active,
            lexicon=schema.lexicon,
            analyzers=_digest(text)[:16],
            bm25_constant=schema.bm25_constant,
            entities=ENTITY_RULES if schema.entities else 0,
        )

    def differences(self, now: Conditions) -> list[str]:
        """Return in words what is no longer as it was, empty where all of it is."""
        names = {
            "generation": "vectors",
            "lexicon": "vocabulary of pieces",
            "analyzers": "fields, languages or analyzers",
            "bm25_constant": "BM25 constant",
            "entities": "rules for entities",
        }
        before, after = asdict(self), asdict(now)
        return [
            f"{name} {before[key]}, now {after[key]}"
            for key, name in names.items()
            if before[key] != after[key]
        ]


@dataclass(frozen=True)
class FittedOn:
    """What parameters were learned from.

    Attributes:
        source: ``judgments``, ``groups`` or ``corpus``.
        name: of the evaluation set; empty without one.
        queries, topics, relevant: how many; `relevant` counts (query, document) pairs.
        queries_in, documents_in: languages of the queries, and of their relevant documents.
        prevalence: the stated share of relevant documents, where one was stated.
    """

    source: str
    name: str
    queries: int
    topics: int
    relevant: int
    queries_in: tuple[str, ...]
    documents_in: tuple[str, ...]
    prevalence: float | None = None


@dataclass(frozen=True)
class Trial:
    """One line of the cross-validation.

    Attributes:
        name: the candidate in words.
        ndcg: held-out nDCG@10 of the gathered candidates, mean over queries, in [0, 1].
        ndcg_behind, ndcg_error: how far below the best, and that difference's standard error
            over topics.
        loss: held-out log loss per document, negatives weighted back to the corpus.
        loss_behind, loss_error: the same as for nDCG.
        shown, shown_behind, shown_error: the same for the log loss of the first hits of a query,
            as they would be shown; None in bundles of earlier versions.
    """

    name: str
    ndcg: float
    ndcg_behind: float
    ndcg_error: float
    loss: float
    loss_behind: float
    loss_error: float
    shown: float | None = None
    shown_behind: float | None = None
    shown_error: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, which has no key for what is not known."""
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Bundle:
    """Parameters for one index; never changed once stored.

    Attributes:
        index: name of the index, or of the alias over several.
        created: UTC, as ``2026-01-31T12:00:00Z``.
        conditions: under which the parameters hold.
        parameters: of the fusion.
        fitted_on: what they were learned from.
        chosen: the candidate that won, in words.
        trials: the cross-validation it won.
        version: of this layout.
        second: weights of a reranker, where one was fitted.
    """

    index: str
    created: str
    conditions: Conditions
    parameters: Parameters
    fitted_on: FittedOn
    chosen: str
    trials: tuple[Trial, ...] = ()
    version: int = FORMAT
    second: SecondStage | None = None

    @property
    def checksum(self) -> str:
        """SHA-256 of the content, in hex digits."""
        return _digest(self._content())

    @property
    def id(self) -> str:
        """Twelve hex digits of the checksum."""
        return self.checksum[:12]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, id and checksum included."""
        return {**self._content(), "id": self.id, "checksum": self.checksum}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "bundle") -> Bundle:
        """Read the JSON form.

        Args:
            where: it comes from, for messages.

        Raises:
            DataError: of another layout, truncated, or edited.
        """
        version = value.get("version")
        if version != FORMAT:
            raise DataError(
                f"{where} has layout {version!r}, this version of the package reads {FORMAT}: "
                "calibrate again (`clir calibrate INDEX`)"
            )
        try:
            bundle = cls(
                index=str(value["index"]),
                created=str(value["created"]),
                conditions=Conditions(**value["conditions"]),
                parameters=Parameters.from_json(value["parameters"]),
                fitted_on=_fitted_on(value["fitted_on"]),
                chosen=str(value["chosen"]),
                trials=tuple(Trial(**trial) for trial in value["trials"]),
                version=version,
                second=SecondStage.from_json(value["second"]) if "second" in value else None,
            )
            whole = bundle.checksum == value["checksum"] and bundle.id == value["id"]
        except (KeyError, TypeError, ValueError, AttributeError, ConfigurationError) as error:
            raise DataError(f"{where} is damaged ({error}): calibrate again") from error
        if not whole:
            raise DataError(
                f"{where} was changed or cut after it was made (its checksum does not fit): "
                "calibrate again, or roll back to another (`clir calibrate INDEX --history`)"
            )
        return bundle

    def _content(self) -> dict[str, Any]:
        whole = {**asdict(self), "parameters": self.parameters.to_json()}
        whole["trials"] = [trial.to_json() for trial in self.trials]
        if self.second is None:  # as bundles were before there were rerankers
            del whole["second"]
        # Through JSON, so that tuples and lists, 1 and 1.0 have one form each.
        found: dict[str, Any] = json.loads(json.dumps(whole))
        return found


def _fitted_on(value: Mapping[str, Any]) -> FittedOn:
    found = FittedOn(**value)
    return replace(
        found, queries_in=tuple(found.queries_in), documents_in=tuple(found.documents_in)
    )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

"""A small schema, statistics and parameters for tests of the planner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.calibration.parameters import DensePair, Parameters
from opensearch_clir.index_templates.schema import Generation, IndexSchema, SourceField
from opensearch_clir.query.statistics import FieldStatistics, TermStatistics

BACKGROUND = {"matching": (0.1, 0.2), "non_matching": (0.05, 0.1)}

#: Id of a vocabulary, as an index with translated pieces has one.
LEXICON = "0badcafe"

PARAMETERS = Parameters(
    matching=DensePair(-6.0, 1.0),
    non_matching=DensePair(-7.0, 2.0),
    own=5.0,
    any=4.0,
    missing_z=0.5,
    origin="test",
    entity=2.0,
    translated=7.0,
    head=3.0,
)


def schema(**changes: object) -> IndexSchema:
    """An index with one field, as `clir setup` makes it now, but without a lexicon."""
    generation = Generation("abc", "embedded", "f" * 64, 2, BACKGROUND)
    values: dict[str, object] = {
        "fields": (SourceField("text"),),
        "languages": ("de", "en", "fr"),
        "analyzers": {"de": "german", "en": "english", "fr": "french"},
        "generations": {"abc": generation},
        "active": "abc",
    }
    return IndexSchema(**{**values, **changes})  # type: ignore[arg-type]


def schema_with_pieces(**changes: object) -> IndexSchema:
    """The same with a heading field and a lexicon."""
    fields = (SourceField("title", 2), SourceField("text"))
    return schema(**{"fields": fields, "lexicon": LEXICON, **changes})


def schema_of_an_earlier_version() -> IndexSchema:
    """As read from an index that was set up before there were entities and pieces."""
    meta = schema().to_meta()
    del meta["entities"], meta["lexicon"]
    return IndexSchema.from_meta(meta, "docs")


def statistics(*tokens: str, documents: int = 100, containing: int = 3) -> FieldStatistics:
    return FieldStatistics(documents, tuple(TermStatistics(t, 1, containing) for t in tokens))


def vector() -> NDArray[np.float32]:
    return np.array([0.6, 0.8], dtype=np.float32)

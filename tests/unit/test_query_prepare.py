"""What is read of a query depends on what its index has."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.language.base import LanguagePosterior
from opensearch_clir.language.query_spans import query_spans
from opensearch_clir.query.prepare import Preparer
from opensearch_clir.query.words import QueryWords
from opensearch_clir.translation import embedded_lexicon
from query_cases import (
    LEXICON,
    PARAMETERS,
    schema,
    schema_of_an_earlier_version,
    schema_with_pieces,
)

QUESTION = "coffee machine KX-410"


def words_of(chosen: IndexSchema) -> QueryWords:
    preparer = Preparer(Mock(), "docs", chosen, Mock(), Mock(), PARAMETERS)
    spans = query_spans(QUESTION, LanguagePosterior.certain("en"), chosen.languages)
    return preparer.words(spans, spans.restored(), ["en"])


def test_pieces_and_entities_where_the_index_has_them() -> None:
    words = words_of(schema_with_pieces(lexicon=embedded_lexicon().id))
    assert words.pieces == embedded_lexicon().translate(QUESTION)
    assert "KX-410" in {entity.text for entity in words.entities}
    assert (words.text, words.neutral) == (QUESTION, QUESTION.lower())
    assert words.text_for("en") == QUESTION


@pytest.mark.parametrize(
    ("chosen", "with_entities"),
    [
        (schema_with_pieces(lexicon=LEXICON), True),  # of another vocabulary
        (schema(), True),
        (schema_of_an_earlier_version(), False),
    ],
)
def test_none_where_it_has_not(chosen: IndexSchema, with_entities: bool) -> None:
    words = words_of(chosen)
    assert words.pieces == ()
    assert bool(words.entities) is with_entities
    looked_up = words.lookups(["en"], chosen)
    assert not [path for path in looked_up if ".pieces." in path]
    assert ("clir.entities" in looked_up) is with_entities

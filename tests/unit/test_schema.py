from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opensearch_clir.errors import ConfigurationError, IndexStateError
from opensearch_clir.index_templates.schema import IndexSchema, SourceField
from opensearch_clir.languages import LANGUAGES, canonical, choose_analyzer
from query_cases import schema, schema_of_an_earlier_version, schema_with_pieces


def test_the_schema_survives_its_json_form() -> None:
    for original in (
        schema(lang_field="locale", bm25_constant=1.0),
        schema_with_pieces(entities=False),
    ):
        assert IndexSchema.from_meta(json.loads(json.dumps(original.to_meta())), "i") == original


def test_what_an_earlier_version_set_up_has_no_entities_and_no_pieces() -> None:
    earlier = schema_of_an_earlier_version()
    assert (earlier.entities, earlier.lexicon) == (False, None)
    assert replace(earlier, entities=True) == schema()


@pytest.mark.parametrize(
    ("fields", "heads"),
    [
        ("text", ()),
        ("text^3", ()),
        ("title,text", ("title",)),
        ("text,title^2,tags^3", ("title", "tags")),
    ],
)
def test_headings_are_the_boosted_fields_or_the_first(fields: str, heads: tuple[str, ...]) -> None:
    parsed = tuple(SourceField.parse(name) for name in fields.split(","))
    assert schema(fields=parsed).head_fields == heads


def test_a_newer_layout_is_refused_with_the_remedy() -> None:
    with pytest.raises(IndexStateError, match="upgrade opensearch-clir"):
        IndexSchema.from_meta({**schema().to_meta(), "version": 99}, "docs")


@pytest.mark.parametrize("key", ["fields", "generations", "active", "languages"])
def test_a_damaged_set_up_is_refused_with_the_remedy(key: str) -> None:
    meta = schema().to_meta()
    del meta[key]
    with pytest.raises(IndexStateError, match="clir setup docs"):
        IndexSchema.from_meta(meta, "docs")


def test_an_active_generation_that_is_not_there_is_damage() -> None:
    with pytest.raises(IndexStateError, match="damaged"):
        IndexSchema.from_meta({**schema().to_meta(), "active": "zzz"}, "docs")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("title", ("title", 1)), ("a.b^3", ("a.b", 3))],
)
def test_source_fields(text: str, expected: tuple[str, int]) -> None:
    field = SourceField.parse(text)
    assert (field.name, field.boost) == expected
    assert str(field) == text


@pytest.mark.parametrize("text", ["", "a^0", "a^10", "a b", "a^x", "^2"])
def test_wrong_source_fields(text: str) -> None:
    with pytest.raises(ValueError, match="NAME"):
        SourceField.parse(text)


@pytest.mark.parametrize(
    ("tag", "code"),
    [("pt-BR", "pt"), ("zh_Hant", "zh"), (" EN ", "en"), ("nb", "no"), ("iw", "he")],
)
def test_canonical(tag: str, code: str) -> None:
    assert canonical(tag) == code


def test_an_unknown_language_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown language 'klingon'.* en, "):
        canonical("klingon")


def test_a_plugin_analyzer_wins_where_installed() -> None:
    assert choose_analyzer("ja", frozenset()) == "cjk"
    assert choose_analyzer("ja", frozenset({"analysis-kuromoji"})) == "kuromoji"
    assert choose_analyzer("he", frozenset()) == "standard"
    assert choose_analyzer("und", frozenset()) == "standard"
    assert all(code == language.code for code, language in LANGUAGES.items())

"""What the JSON files become, and how they are compared with what a server gives back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from opensearch_clir.index_templates import Generation, IndexSchema, SourceField
from opensearch_clir.index_templates.render import (
    component_name,
    component_template,
    fill,
    load,
    properties,
    settings,
    vector_field,
)
from opensearch_clir.index_templates.validate import (
    differences,
    flat,
    missing_properties,
    same_template,
)

GENERATION = Generation("ab12cd34", "embedded", "f" * 64, 256, {"matching": (0.1, 0.2)})
SCHEMA = IndexSchema(
    fields=(SourceField("title", 2),),
    languages=("en", "ja"),
    analyzers={"en": "english", "ja": "cjk", "und": "standard"},
    generations={GENERATION.id: GENERATION},
    active=GENERATION.id,
)


def leaves(mapping: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, field in mapping.items():
        if "properties" in field:
            found |= leaves(field["properties"], f"{path}{name}.")
        else:
            found[path + name] = field
    return found


def test_every_named_field_is_mapped_and_no_other() -> None:
    names = SCHEMA.names
    expected = {
        names.lang, names.lang_confidence, names.langs, names.lang_mix, names.any_text,
        names.entities, names.group, names.hash, names.text("en"), names.text("ja"),
        names.text("und"), names.vector(GENERATION.id),
    }  # fmt: skip
    assert leaves(properties(SCHEMA)).keys() == expected
    with_lexicon = leaves(properties(replace(SCHEMA, lexicon="0badcafe")))
    pieces = {names.pieces("0badcafe"), names.pieces("0badcafe", head=True)}
    assert with_lexicon.keys() == expected | pieces


def test_pieces_are_found_but_neither_sorted_nor_aggregated() -> None:
    mapped = leaves(properties(replace(SCHEMA, lexicon="0badcafe")))
    for path in ("clir.pieces.0badcafe.body", "clir.pieces.0badcafe.head"):
        assert mapped[path]["type"] == "keyword"
        assert mapped[path]["doc_values"] is False


def test_object_is_strict_and_texts_are_scored_alike() -> None:
    mapped = properties(replace(SCHEMA, namespace="xl"))
    assert mapped["xl"]["dynamic"] == "strict"
    texts = mapped["xl"]["properties"]["text"]["properties"]
    assert {field["similarity"] for field in texts.values()} == {"BM25"}
    assert {code: field["analyzer"] for code, field in texts.items()} == {
        "en": "english",
        "ja": "cjk",
        "und": "standard",
        "any": "cjk",
    }


def test_vectors_with_and_without_a_graph() -> None:
    assert vector_field(GENERATION)["method"]["space_type"] == "cosinesimil"
    bare = vector_field(replace(GENERATION, indexed=False))
    assert bare == {"type": "knn_vector", "dimension": 256}


@pytest.mark.parametrize(
    ("server", "indexed", "keys"),
    [
        ((2, 19, 1), True, {"index.knn", "index.knn.derived_source.enabled"}),
        ((3, 1, 0), True, {"index.knn", "index.knn.derived_source.enabled"}),
        ((2, 18, 0), True, {"index.knn"}),
        ((2, 19, 1), False, set()),
    ],
)
def test_settings_by_server(server: tuple[int, ...], indexed: bool, keys: set[str]) -> None:
    assert settings(indexed=indexed, server=server).keys() == keys


def test_fill_keeps_types_and_demands_values() -> None:
    template = {"${a}": ["${b}", "x"], "c": {"d": "${b}"}}
    assert fill(template, {"a": "k", "b": 3}) == {"k": [3, "x"], "c": {"d": 3}}
    with pytest.raises(KeyError):
        fill(template, {"a": "k"})


def test_files_are_not_changed_by_their_users() -> None:
    load("settings").clear()
    assert load("settings")


def test_no_placeholder_is_left() -> None:
    template = component_template("docs", SCHEMA, SCHEMA.to_meta(), (2, 19, 1))
    assert "${" not in json.dumps(template)
    assert component_name("docs") == "docs-clir"


def test_template_as_the_server_gives_it_back() -> None:
    rendered = component_template("docs", SCHEMA, SCHEMA.to_meta(), (2, 19, 1))
    stored = json.loads(json.dumps(rendered))
    stored["template"]["settings"] = {
        "index": {"knn": "true", "knn.derived_source.enabled": "true"}
    }
    texts = stored["template"]["mappings"]["properties"]["clir"]["properties"]["text"]
    del texts["type"]
    for field in texts["properties"].values():
        del field["norms"], field["index_options"]
    assert same_template(rendered, stored)
    texts["properties"]["en"]["analyzer"] = "french"
    assert not same_template(rendered, stored)
    assert not same_template(rendered, {**stored, "version": 9})


def test_additions_are_a_drift_of_templates() -> None:
    rendered = component_template("docs", SCHEMA, SCHEMA.to_meta(), (2, 19, 1))
    more = json.loads(json.dumps(rendered))
    more["template"]["mappings"]["properties"]["mine"] = {"type": "text"}
    assert not same_template(rendered, more)


def test_flat() -> None:
    assert flat({"index": {"knn": "true", "a": {"b": "1"}}}) == {
        "index.knn": "true",
        "index.a.b": "1",
    }


def test_differences_name_the_path() -> None:
    found = list(differences({"a": {"b": 1, "c": True}}, {"a": {"b": "2", "c": "true"}, "z": 0}))
    assert [str(d) for d in found] == ["a.b is '2' instead of 1"]


def test_missing_properties_and_conflicts() -> None:
    wanted = properties(SCHEMA)
    assert missing_properties(wanted, {}) == (wanted, [])
    assert missing_properties(wanted, wanted) == ({}, [])
    there = json.loads(json.dumps(wanted))
    texts = there["clir"]["properties"]["text"]["properties"]
    texts["en"]["analyzer"] = "french"
    del texts["ja"]
    add, conflicts = missing_properties(wanted, there)
    assert leaves(add).keys() == {"clir.text.ja"}
    assert add["clir"]["dynamic"] == "strict"
    assert [str(c) for c in conflicts] == ["clir.text.en.analyzer is 'french' instead of 'english'"]

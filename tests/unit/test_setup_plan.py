"""Which case an index is, decided without a server."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from opensearch_clir.errors import (
    ClusterError,
    IndexClosedError,
    IndexMissingError,
    IndexStateError,
    NamespaceTakenError,
)
from opensearch_clir.index_templates import Generation
from opensearch_clir.settings import Settings, load_settings
from opensearch_clir.setup.conflicts import check_namespace, count_fields, is_ours
from opensearch_clir.setup.generation import build_generation, generation_id
from opensearch_clir.setup.inspect import IndexState, Member, check_name
from opensearch_clir.setup.plan import SetupPlan, plan_setup, target_name
from opensearch_clir.setup.probe import constant_of
from opensearch_clir.setup.uninstall import plan_uninstall
from opensearch_clir.translation import embedded_lexicon

GENERATION = Generation("ab12cd34", "embedded", "f" * 64, 4, {"matching": (0.1, 0.2)})
KNN = {"index.knn": "true"}
PLUGINS = frozenset({"opensearch-knn"})


def chosen(**values: Any) -> Settings:
    return load_settings(None, **{"languages": "en,de,pl", **values})


def state(*members: Member, kind: Any = "concrete", **changes: Any) -> IndexState:
    found = IndexState("docs", kind if members else "missing", members, plugins=PLUGINS)
    return replace(found, **changes)


def member(name: str = "docs", settings: Any = None, **mappings: Any) -> Member:
    return Member(name, settings or {}, mappings, documents=10, enriched=0, bytes=5_000_000)


def applied(plan: SetupPlan, **changes: Any) -> IndexState:
    """The state after a plan for a missing index."""
    body: Any = plan.requests[0].body
    given = {name: str(value).lower() for name, value in body["settings"].items()}
    there = Member("docs", given, body["mappings"], documents=0, enriched=0, bytes=0)
    components = {r.path.split("/")[-1]: r.body for r in plan.requests[1:]}
    return state(there, components=components, **changes)


def test_missing_index_is_created_with_its_template() -> None:
    plan = plan_setup(state(), chosen(), GENERATION)
    assert plan.case == "new"
    assert [r.path for r in plan.requests] == ["/docs", "/_component_template/docs-clir"]
    assert plan.measure
    without = plan_setup(state(), chosen(), GENERATION, templates=False)
    assert len(without.requests) == 1


def test_applied_plan_is_current() -> None:
    plan = plan_setup(state(), chosen(), GENERATION)
    again = plan_setup(applied(plan), Settings(), GENERATION)
    assert (again.case, again.requests, again.schema) == ("current", (), plan.schema)


def test_constant_reaches_every_place() -> None:
    plan = plan_setup(state(), chosen(), GENERATION).with_constant(1.0)
    create, component = (r.body for r in plan.requests)
    assert create is not None
    assert component is not None
    assert create["mappings"]["_meta"]["clir"]["bm25_constant"] == 1.0
    assert component["template"]["mappings"]["_meta"]["clir"]["bm25_constant"] == 1.0
    assert plan.schema.bm25_constant == 1.0


def test_existing_index_with_knn_is_extended() -> None:
    plan = plan_setup(state(member(settings=KNN, _meta={"k": 1})), chosen(), GENERATION)
    assert plan.case == "extend"
    body: Any = plan.requests[0].body
    assert body["_meta"]["k"] == 1
    assert "dynamic_templates" not in body
    assert "10 of 10 documents have no vectors" in plan.cost


def test_without_knn() -> None:
    plain = state(member())
    with pytest.raises(IndexStateError, match="--migrate"):
        plan_setup(plain, chosen(), GENERATION)
    exact = plan_setup(plain, chosen(), GENERATION, exact=True)
    assert exact.case == "exact"
    assert not exact.schema.generation.indexed
    target = IndexState("docs-clir", "missing")
    moved = plan_setup(plain, chosen(), GENERATION, migrate=True, target=target)
    assert moved.case == "migrate"
    assert moved.migration is not None
    assert moved.migration.switch is None
    assert moved.managed == "docs-clir" == target_name(plain, None)


def test_exact_makes_no_difference_where_knn_is_on() -> None:
    plan = plan_setup(state(member(settings=KNN)), chosen(), GENERATION, exact=True)
    assert plan.case == "extend"
    assert plan.schema.generation.indexed


def test_migration_leaves_server_assigned_settings_out() -> None:
    old = {"index.uuid": "u", "index.version.created": "1", "index.blocks.write": "true"}
    old |= {"index.number_of_shards": "3", "index.default_pipeline": "mine"}
    target = IndexState("docs-clir", "missing")
    plan = plan_setup(
        state(member(settings=old)), chosen(), GENERATION, migrate=True, target=target
    )
    settings: Any = plan.requests[0].body
    assert settings["settings"] == {
        "index.number_of_shards": "3",
        "index.default_pipeline": "_none",
        "index.final_pipeline": "_none",
        "index.knn": True,
        "index.knn.derived_source.enabled": True,
    }
    assert plan.migration is not None
    assert plan.migration.before_switch.body == {
        "index.default_pipeline": "mine",
        "index.final_pipeline": None,
    }


def test_a_copy_remembers_what_was_there_before_its_pipelines() -> None:
    there = applied(plan_setup(state(), chosen(), GENERATION))
    noted = {"bundle": "b", "before": {"index.final_pipeline": "mine"}}
    ours = {**(there.members[0].ours or {})}
    ours["setup"] = {**ours["setup"], "pipelines": noted}
    old = member(**{**there.members[0].mappings, "_meta": {"clir": ours}})
    target = IndexState("docs-clir", "missing")
    plan = plan_setup(state(old), chosen(), GENERATION, migrate=True, target=target)
    body: Any = plan.requests[0].body
    assert body["mappings"]["_meta"]["clir"]["setup"]["pipelines"] == noted


def test_switch_of_an_alias_moves_all_names() -> None:
    old = replace(member("docs-1"), aliases={"docs": {}, "all": {"is_write_index": True}})
    plan = plan_setup(
        state(old, kind="alias"),
        chosen(),
        GENERATION,
        migrate=True,
        target=IndexState("docs-1-clir", "missing"),
    )
    assert plan.migration is not None
    assert plan.migration.switch is not None
    assert plan.migration.switch.body == {
        "actions": [
            {"remove": {"index": "docs-1", "alias": "docs"}},
            {"add": {"index": "docs-1-clir", "alias": "docs"}},
            {"remove": {"index": "docs-1", "alias": "all"}},
            {"add": {"index": "docs-1-clir", "alias": "all", "is_write_index": True}},
        ]
    }


def test_several_indices_must_agree_about_knn() -> None:
    mixed = state(member("a", KNN), member("b"), kind="alias")
    with pytest.raises(IndexStateError, match=r"b have no k-NN"):
        plan_setup(mixed, chosen(), GENERATION)
    with pytest.raises(IndexStateError, match="each by its own name"):
        plan_setup(mixed, chosen(), GENERATION, migrate=True)
    stream = state(member("a"), kind="stream")
    with pytest.raises(IndexStateError, match="composed_of"):
        plan_setup(stream, chosen(), GENERATION)


def test_closed_and_without_plugin() -> None:
    closed = member(settings={**KNN, "index.verified_before_close": "true"})
    with pytest.raises(IndexClosedError):
        plan_setup(state(closed), chosen(), GENERATION)
    with pytest.raises(ClusterError, match="opensearch-knn"):
        plan_setup(state(plugins=frozenset()), chosen(), GENERATION)


def test_what_may_not_be_asked_is_noted() -> None:
    blind = state(plugins=None, components=None)
    plan = plan_setup(blind, chosen(), GENERATION)
    assert len(plan.requests) == 1
    assert len(plan.notes) == 2


def test_better_analyzer_is_noted_not_changed() -> None:
    first = plan_setup(state(), chosen(), GENERATION)
    assert first.schema.analyzers["pl"] == "standard"
    more = PLUGINS | {"analysis-stempel"}
    later = plan_setup(applied(first, plugins=more), Settings(), GENERATION)
    assert later.case == "current"
    assert "pl standard (now polish" in later.notes[0]
    moved = plan_setup(
        applied(first, plugins=more),
        Settings(),
        GENERATION,
        migrate=True,
        to="docs-2",
        target=IndexState("docs-2", "missing"),
    )
    assert moved.schema.analyzers["pl"] == "polish"


def earlier(plan: SetupPlan, *without: str) -> IndexState:
    """The state after the same plan by a version without these parts."""
    there = copy.deepcopy(applied(plan))
    bodies: Any = [there.members[0].mappings]
    bodies += [c["template"]["mappings"] for c in (there.components or {}).values()]
    for mappings in bodies:
        for part in without:
            mappings["properties"]["clir"]["properties"].pop(part)
            mappings["_meta"]["clir"].pop("lexicon" if part == "pieces" else part)
    return there


@pytest.mark.parametrize("without", [("entities", "pieces"), ("pieces",)])
def test_what_an_earlier_version_set_up_is_extended(without: tuple[str, ...]) -> None:
    now = plan_setup(state(), chosen(), GENERATION)
    there = earlier(now, *without)
    plan = plan_setup(there, Settings(), GENERATION)
    assert plan.case == "extend"
    assert plan.schema == now.schema
    assert (plan.schema.entities, plan.schema.lexicon) == (True, embedded_lexicon().id)
    body: Any = plan.requests[0].body
    added = body["properties"]["clir"]["properties"]
    assert set(without) <= added.keys()
    assert body["_meta"]["clir"]["lexicon"] == embedded_lexicon().id
    assert any("until they are indexed again" in note for note in plan.notes)
    again = plan_setup(applied(now), Settings(), GENERATION)
    assert not any("indexed again" in note for note in again.notes)


def test_pieces_of_another_vocabulary_stay_beside_the_new_ones() -> None:
    with patch("opensearch_clir.setup.desired.embedded_lexicon") as other:
        other.return_value.id = "0badcafe"
        there = applied(plan_setup(state(), chosen(), GENERATION))
    plan = plan_setup(there, Settings(), GENERATION)
    assert plan.case == "extend"
    assert plan.schema.lexicon == embedded_lexicon().id
    body: Any = plan.requests[0].body
    pieces = body["properties"]["clir"]["properties"]["pieces"]["properties"]
    assert set(pieces) == {embedded_lexicon().id}
    assert any("until they are indexed again" in note for note in plan.notes)


def test_filtered_source_is_noted() -> None:
    plan = plan_setup(
        state(member(settings=KNN, _source={"excludes": ["a"]})), chosen(), GENERATION
    )
    assert "filters its _source" in plan.notes[0]


def test_conflicting_field_of_ours() -> None:
    first = plan_setup(state(), chosen(), GENERATION)
    there = applied(first)
    field = there.members[0].mappings["properties"]["clir"]["properties"]
    field["group"]["ignore_above"] = 5
    with pytest.raises(IndexStateError, match=r"clir\.group\.ignore_above is 5"):
        plan_setup(there, Settings(), GENERATION)


@pytest.mark.parametrize(
    ("mappings", "free"),
    [
        ({}, True),
        ({"properties": {"clirx": {"type": "text"}}}, True),
        ({"dynamic_templates": [{"x": {"match": "*"}}, {"y": {"path_match": "*.lang"}}]}, True),
        ({"dynamic_templates": [{"x": {"match_mapping_type": "string"}}]}, True),
        ({"properties": {"clir": {"type": "text"}}}, False),
        ({"dynamic_templates": [{"x": {"path_match": "clir.*"}}]}, False),
    ],
)
def test_namespace(mappings: Any, free: bool) -> None:
    if free:
        check_namespace("docs", "clir", mappings, managed=False)
        return
    with pytest.raises(NamespaceTakenError):
        check_namespace("docs", "clir", mappings, managed=False)


def test_is_ours() -> None:
    created: Any = plan_setup(state(), chosen(), GENERATION).requests[0].body
    field = created["mappings"]["properties"]["clir"]
    assert is_ours(field)
    assert not is_ours({**field, "dynamic": "true"})
    assert not is_ours({**field, "properties": {"lang": {"type": "keyword"}}})
    assert not is_ours({**field, "properties": {**field["properties"], "x": {"type": "text"}}})


def test_count_fields_counts_objects_and_sub_fields() -> None:
    fields = {"a": {"type": "text", "fields": {"raw": {}}}, "b": {"properties": {"c": {}}}}
    assert count_fields(fields) == 4


@pytest.mark.parametrize("name", ["", "a*", "a,b", "_x", "-x", "a b", "a/b"])
def test_no_index_names(name: str) -> None:
    with pytest.raises(IndexStateError):
        check_name(name)


class Encoder:
    name, dimension, fingerprint = "e", 4, "f"

    def encode(self, texts: Any, role: Any) -> Any:
        raise AssertionError("nothing to encode")


def test_generation_id_changes_with_what_changes_vectors() -> None:
    base = generation_id(Encoder())
    assert len(base) == 8
    other = Encoder()
    other.fingerprint = "g"
    ids = {base, generation_id(Encoder(), "q: "), generation_id(Encoder(), None, "q: ")}
    assert len(ids | {generation_id(other)}) == 4
    built = build_generation(Encoder(), background={"matching": (0, 1)})
    assert (built.id, built.encoder, built.background) == (base, "e", {"matching": (0.0, 1.0)})


def explanation(*children: Any, value: float = 0.6) -> dict[str, Any]:
    return {"value": value, "description": "score(freq=1.0)", "details": list(children)}


def test_constant_of_both_forms() -> None:
    idf = {"value": 0.5, "description": "idf, computed as log(1 + …) from:", "details": []}
    tf = {"value": 0.4, "description": "tf, computed as freq / (…) from:", "details": []}
    boost = {"value": 2.2, "description": "boost"}
    assert constant_of(explanation(boost, idf, tf, value=0.44)) == 2.2
    assert constant_of(explanation(explanation(idf, tf), value=0.2)) == 1.0
    with pytest.raises(ClusterError):
        constant_of(explanation(idf))


def test_uninstall_keeps_the_users_meta() -> None:
    plan = plan_setup(state(member(settings=KNN, _meta={"k": 1})), chosen(), GENERATION)
    body: Any = plan.requests[0].body
    there = state(member(settings=KNN, _meta=body["_meta"]), components={"docs-clir": {}})
    back = plan_uninstall(there, {})
    assert [r.method for r in back.requests] == ["PUT", "DELETE"]
    assert back.requests[0].body == {"_meta": {"k": 1}}
    kept = plan_uninstall(there, {"docs-clir": ("mine",)})
    assert len(kept.requests) == 1
    with pytest.raises(IndexMissingError):
        plan_uninstall(state(), {})

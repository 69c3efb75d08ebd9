"""What an installation would send: decided from what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from opensearch_clir.errors import ConfigurationError, IndexStateError
from opensearch_clir.index_templates.schema import SourceField
from opensearch_clir.pipelines.bodies import (
    Target,
    connector,
    ingest_pipeline,
    model_ids,
    pipeline_name,
    runs_first,
    search_pipeline,
)
from opensearch_clir.pipelines.plan import InstallPlan, plan_install
from opensearch_clir.pipelines.state import FINAL, SEARCH, State
from opensearch_clir.setup.inspect import IndexState, Member
from opensearch_clir.setup.uninstall import plan_uninstall
from query_cases import schema

TARGET = Target("http://10.0.0.5:8080", "a-token-of-sixteen-or-more")
SCHEMA = schema(fields=(SourceField("title", 2), SourceField("meta.text")))

ALLOWED = {
    "plugins.ml_commons.only_run_on_ml_node": "false",
    "plugins.ml_commons.connector.private_ip_enabled": "true",
    "plugins.ml_commons.trusted_connector_endpoints_regex": [r"^http://10\.0\.0\.5:8080/.*$"],
}


def member(name: str = "kb", **settings: str) -> Member:
    ours = {**SCHEMA.to_meta(), "setup": {"name": name}}
    return Member(name, {k.replace("__", "."): v for k, v in settings.items()},
                  {"_meta": {"clir": ours, "mine": 1}})  # fmt: skip


def installed(bundle: str = "kb", **changes: Any) -> State:
    """A cluster in which all is as it should be."""
    members = (replace(member(), settings={FINAL: "clir-kb", SEARCH: "clir-kb"}),)
    wanted = {
        "name": "kb",
        "bundle": bundle,
        "members": members,
        "ingest": {"clir-kb": ingest_pipeline(SCHEMA, "m1")},
        "search": {"clir-kb": search_pipeline("m2")},
        "connectors": {
            "m1": connector(TARGET, "kb", "enrich")["description"],
            "m2": connector(TARGET, "kb", "rewrite")["description"],
        },
        "settings": ALLOWED,
    }
    return State(**{**wanted, **changes})


def bare(*members: Member, **changes: Any) -> State:
    return State("kb", "kb", members or (member(),), settings=ALLOWED, **changes)


def paths(plan: InstallPlan) -> list[str]:
    return [request["path"] for request in plan.to_json()["requests"]]


def test_the_index_comes_last() -> None:
    assert paths(plan_install(bare(), SCHEMA, TARGET)) == [
        "/_plugins/_ml/connectors/_create",
        "/_plugins/_ml/models/_register?deploy=true",
        "/_plugins/_ml/connectors/_create",
        "/_plugins/_ml/models/_register?deploy=true",
        "/_ingest/pipeline/clir-kb",
        "/_search/pipeline/clir-kb",
        "/kb/_mapping",
        "/kb/_settings",
    ]


def test_where_all_is_as_it_should_be_nothing_is_sent() -> None:
    plan = plan_install(installed(), SCHEMA, TARGET)
    assert (paths(plan), plan.superseded) == ([], ())


@pytest.mark.parametrize(
    "target",
    [
        replace(TARGET, token="another-token-of-sixteen"),
        replace(TARGET, url="http://10.0.0.6:8080"),
        replace(TARGET, seconds=5),
    ],
)
def test_a_new_target_replaces_models_and_no_setting(target: Target) -> None:
    plan = plan_install(installed(), SCHEMA, target)
    assert len(plan.models) == 2
    assert plan.superseded == ("m1", "m2")
    assert [r.path for r in plan.requests] == [
        "/_ingest/pipeline/clir-kb",
        "/_search/pipeline/clir-kb",
    ]
    assert str(target.token) not in json.dumps(plan.to_json())


def test_a_final_pipeline_of_the_users_runs_first_and_others_are_kept_up_to_date() -> None:
    state = installed(
        members=(member(index__final_pipeline="theirs"),),
        ingest={
            "clir-kb": ingest_pipeline(SCHEMA, "m1"),
            "clir-kb-after-other": ingest_pipeline(SCHEMA, "m1", "other"),
        },
    )
    plan = plan_install(state, SCHEMA, replace(TARGET, seconds=5), jobs=("enrich",))
    made = {r.path: r.body for r in plan.requests}
    assert [p for p in made if "pipeline/" in p] == [
        "/_ingest/pipeline/clir-kb",
        "/_ingest/pipeline/clir-kb-after-other",
        "/_ingest/pipeline/clir-kb-after-theirs",
    ]
    body = made["/_ingest/pipeline/clir-kb-after-theirs"] or {}
    assert runs_first(body) == "theirs"
    assert made["/kb/_settings"] == {FINAL: "clir-kb-after-theirs"}
    noted = (made["/kb/_mapping"] or {})["_meta"]
    assert noted["mine"] == 1
    assert noted["clir"]["setup"] == {
        "name": "kb",
        "pipelines": {"bundle": "kb", "before": {FINAL: "theirs"}},
    }


def test_a_search_pipeline_of_the_users_is_refused_with_the_remedy() -> None:
    state = bare(member(index__search__default_pipeline="theirs"))
    with pytest.raises(IndexStateError, match=r"'theirs'.*clir-rewrite.*--only ingest"):
        plan_install(state, SCHEMA, TARGET)
    assert plan_install(state, SCHEMA, TARGET, jobs=("enrich",)).requests


@pytest.mark.parametrize(
    ("changed", "target", "wanted"),
    [
        ({"only_run_on_ml_node": "true"}, TARGET, {"only_run_on_ml_node": False}),
        ({"connector.private_ip_enabled": "false"}, TARGET, {"connector.private_ip_enabled": True}),
        ({"connector.private_ip_enabled": "false"}, Target("https://8.8.8.8"), {
            "trusted_connector_endpoints_regex": [r"^http://10\.0\.0\.5:8080/.*$",
                                                  r"^https://8\.8\.8\.8/.*$"]}),
    ],
)  # fmt: skip
def test_only_what_ml_commons_lacks_is_set(
    changed: dict[str, str], target: Target, wanted: dict[str, Any]
) -> None:
    prefix = "plugins.ml_commons."
    settings = {**ALLOWED, **{prefix + name: value for name, value in changed.items()}}
    plan = plan_install(replace(bare(), settings=settings), SCHEMA, target)
    (request,) = plan.cluster
    assert request.body == {"persistent": {prefix + name: value for name, value in wanted.items()}}


def test_a_node_for_machine_learning_is_used_where_there_is_one() -> None:
    settings = {**ALLOWED, "plugins.ml_commons.only_run_on_ml_node": "true"}
    state = replace(bare(), settings=settings, ml_nodes=True)
    assert plan_install(state, SCHEMA, TARGET).cluster == ()


@pytest.mark.parametrize(
    "url",
    ["", "clir:8080", "ftp://a", "http://", "http://u:p@a", "http://a/path", "http://a?x=1",
     "http://a:0", "http://a:99999", "http://a#b"],
)  # fmt: skip
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be like"):
        Target(url)


def test_a_document_is_sent_if_it_may_have_text() -> None:
    ours = ingest_pipeline(SCHEMA, "m")["processors"][0]["ml_inference"]
    assert ours["if"] == (
        "ctx['title'] != null || ctx['meta.text'] != null || ctx['meta'] != null "
        "|| ctx['clir'] != null"
    )
    odd = schema(fields=(SourceField("it's"),), namespace="x-ray")
    ours = ingest_pipeline(odd, "m")["processors"][0]["ml_inference"]
    assert ours["if"] == r"ctx['it\'s'] != null || ctx['x-ray'] != null"
    assert ours["output_map"] == [{"x-ray": "clir"}]


def test_models_and_names_are_read_back() -> None:
    assert model_ids(ingest_pipeline(SCHEMA, "a", "first")) == {"enrich": "a"}
    assert model_ids(search_pipeline("b")) == {"rewrite": "b"}
    assert model_ids({"processors": [{"ml_inference": {"model_id": "z"}}]}) == {}
    assert runs_first(ingest_pipeline(SCHEMA, "a")) is None
    assert pipeline_name("kb", "x") == "clir-kb-after-x"


def test_a_set_up_is_not_taken_from_under_its_pipelines() -> None:
    request = plan_install(bare(), SCHEMA, TARGET).requests[-2]
    assert request.path == "/kb/_mapping"
    piped = replace(member(), mappings=request.body or {})
    with pytest.raises(IndexStateError, match="clir pipelines uninstall kb"):
        plan_uninstall(IndexState("kb", "concrete", (piped,)), {})
    assert plan_uninstall(IndexState("kb", "concrete", (member(),)), {}).requests

"""`clir setup` and `clir uninstall` on a real server, and what an uninstall gives back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from opensearchpy import OpenSearch

from opensearch_clir.cli.setup import setup, uninstall
from opensearch_clir.errors import IndexMissingError, NotManagedError
from opensearch_clir.local import Instance
from opensearch_clir.setup import read_schema
from opensearch_clir.setup import uninstall as take_back
from setup_support import mapping, plan_for, run

COMMANDS = {"setup": setup, "uninstall": uninstall}


def clir(server: Instance, command: str, *arguments: str) -> Result:
    """Run a command against the server."""
    return CliRunner().invoke(COMMANDS[command], [*arguments, "--url", server.urls[0]])


def components(client: OpenSearch) -> list[str]:
    answer = client.transport.perform_request("GET", "/_component_template")
    return [entry["name"] for entry in answer["component_templates"]]


def test_uninstall_restores_the_mapping(client: OpenSearch, index_name: str) -> None:
    before: dict[str, Any] = {
        "_meta": {"owner": "x"},
        "dynamic_templates": [{"all": {"match": "*", "mapping": {"type": "keyword"}}}],
        "properties": {"title": {"type": "text"}},
    }
    body = {"settings": {"index.knn": True}, "mappings": before}
    client.indices.create(index=index_name, body=body)
    schema = run(client, index_name)
    doc = {"title": "a", "clir": {"lang": "en"}}
    client.index(index=index_name, id="1", body=doc, params={"refresh": "true"})
    with_ours = mapping(client, index_name)
    dry = take_back(client, index_name, dry_run=True)
    assert mapping(client, index_name) == with_ours
    done = take_back(client, index_name)
    assert done.requests == dry.requests
    assert any("_reindex" in note for note in done.notes)
    after = mapping(client, index_name)
    after["properties"].pop("clir")
    assert after == before
    assert client.get(index=index_name, id="1")["_source"] == doc
    assert f"{index_name}-clir" not in components(client)
    with pytest.raises(NotManagedError):
        read_schema(client, index_name)
    with pytest.raises(NotManagedError, match="nothing to take back"):
        take_back(client, index_name)
    assert run(client, index_name) == schema  # what was left behind is taken up again


def test_uninstall_keeps_templates_in_use(client: OpenSearch, index_name: str) -> None:
    run(client, index_name)
    body = {"index_patterns": [f"{index_name}-x*"], "composed_of": [f"{index_name}-clir"]}
    client.indices.put_index_template(name=f"{index_name}-t", body=body)
    plan = take_back(client, index_name)
    assert any(f"{index_name}-t" in note for note in plan.notes)
    assert f"{index_name}-clir" in components(client)
    client.indices.delete_index_template(name=f"{index_name}-t")


def test_uninstall_of_nothing(client: OpenSearch, index_name: str) -> None:
    with pytest.raises(IndexMissingError):
        take_back(client, index_name)


def test_commands_round_trip(client: OpenSearch, server: Instance, index_name: str) -> None:
    arguments = (index_name, "--fields", "title^2,body", "--languages", "en,fr")
    dry = clir(server, "setup", *arguments, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert f"PUT /{index_name}" in dry.output
    assert "nothing was sent" in dry.output
    assert not client.indices.exists(index=index_name)
    done = clir(server, "setup", *arguments)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Case new.")
    again = clir(server, "setup", index_name, "--json")
    report = json.loads(again.stdout)
    assert (report["case"], report["requests"]) == ("current", [])
    assert report["schema"]["fields"] == ["title^2", "body"]
    assert clir(server, "uninstall", index_name, "--dry-run", "--json").exit_code == 0
    assert json.loads(clir(server, "uninstall", index_name, "--json").stdout)["applied"] is True
    twice = clir(server, "uninstall", index_name)
    assert twice.exit_code == 1
    assert twice.stderr.count("\n") == 1


def test_one_line_for_errors(client: OpenSearch, server: Instance, index_name: str) -> None:
    client.indices.create(index=index_name)
    refused = clir(server, "setup", index_name)
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "--migrate" in refused.stderr


@pytest.mark.parametrize("options", [["--exact", "--migrate"], ["--to", "x"], ["--delete-old"], []])
def test_usage(options: list[str]) -> None:
    arguments = ["x", *options] if options else []
    assert CliRunner().invoke(setup, arguments).exit_code == 2


def test_migration_by_command(client: OpenSearch, server: Instance, index_name: str) -> None:
    client.indices.create(index=index_name)
    texts = ["The machine does not start.", "La machine ne démarre pas.", ""]
    for number, text in enumerate(texts):
        client.index(index=index_name, id=str(number), body={"title": text})
    arguments = (index_name, "--fields", "title", "--migrate", "--delete-old", "--json")
    result = clir(server, "setup", *arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["switched"] is True
    assert client.count(index=index_name)["count"] == 3
    assert plan_for(client, index_name).case == "extend"  # the tiny encoder is another one

from __future__ import annotations

from typing import Any

import pytest
from opensearchpy import exceptions as server

from opensearch_clir import errors
from opensearch_clir.cluster import as_clir_error, connect
from opensearch_clir.settings import load_settings


def answer(status: int, kind: str, reason: str) -> server.TransportError:
    cause = {"type": kind, "reason": reason}
    info: dict[str, Any] = {"error": {"root_cause": [cause], **cause}, "status": status}
    return server.TransportError(status, kind, info)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer(401, "security_exception", "Unauthorized"), errors.ClusterAuthError),
        (answer(403, "security_exception", "no permissions"), errors.ClusterAuthError),
        (answer(403, "cluster_block_exception", "read-only"), errors.ClusterReadOnlyError),
        (answer(429, "cluster_block_exception", "disk usage"), errors.ClusterReadOnlyError),
        (answer(404, "index_not_found_exception", "no such index"), errors.IndexMissingError),
        (answer(400, "index_closed_exception", "closed"), errors.IndexClosedError),
        (answer(400, "parsing_exception", "unknown query"), errors.ClusterError),
        (server.ConnectionError("N/A", "refused", None), errors.ClusterUnreachableError),
        (server.SSLError("N/A", "self-signed", None), errors.ClusterUnreachableError),
        (server.ConnectionTimeout("TIMEOUT", "30", None), errors.ClusterUnreachableError),
    ],
)
def test_each_refusal_has_its_error(
    error: server.OpenSearchException, expected: type[errors.ClusterError]
) -> None:
    translated = as_clir_error(error, "searching 'docs'")
    assert type(translated) is expected
    assert str(translated).startswith("searching 'docs': ")
    assert "\n" not in str(translated)


def test_the_reason_names_the_cause_below() -> None:
    error = answer(400, "search_phase_execution_exception", "all shards failed")
    error.info["error"]["caused_by"] = {"type": "x", "reason": "field is missing"}
    assert "field is missing" in str(as_clir_error(error, "searching"))


def test_credentials_stay_out_of_sight() -> None:
    settings = load_settings(None, username="user", password="s3cret")
    client = connect(settings, "https://localhost:1")
    assert "s3cret" not in repr(client)

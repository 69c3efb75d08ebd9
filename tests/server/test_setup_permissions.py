"""Users who may do little: what still works, and what the refusal says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opensearchpy import OpenSearch

from opensearch_clir.errors import ClusterAuthError, ClusterUnreachableError
from opensearch_clir.local import Instance
from setup_support import plan_for, run

PASSWORD = "Sufficiently-long-4-a-test!"  # of a server that lives as long as the test


@pytest.fixture
def limited(secure_server: Instance) -> Iterator[OpenSearch]:
    """A user who owns the indices ``t-mine*`` and may do nothing with the cluster but log in."""
    rights: dict[str, Any] = {
        "cluster_permissions": ["cluster:monitor/main", "indices:data/read/*"],
        "index_permissions": [{"index_patterns": ["t-mine*"], "allowed_actions": ["*"]}],
    }
    api = "/_plugins/_security/api"
    with secure_server.client() as admin:
        perform = admin.transport.perform_request
        perform("PUT", f"{api}/roles/limited", body=rights)
        user = {"password": PASSWORD, "opendistro_security_roles": ["limited"]}
        perform("PUT", f"{api}/internalusers/limited", body=user)
        with OpenSearch(
            hosts=list(secure_server.urls),
            http_auth=("limited", PASSWORD),
            ca_certs=str(secure_server.ca_certs),
        ) as client:
            yield client
        admin.indices.delete(index="t-mine", params={"ignore_unavailable": "true"})


def test_index_rights_are_enough(limited: OpenSearch) -> None:
    plan = plan_for(limited, "t-mine")
    assert [r.path for r in plan.requests] == ["/t-mine"]
    assert len(plan.notes) == 2
    schema = run(limited, "t-mine")
    assert schema.bm25_constant == pytest.approx(2.2)
    assert plan_for(limited, "t-mine").case == "current"


def test_refusals_are_errors_of_ours(limited: OpenSearch, secure_server: Instance) -> None:
    with pytest.raises(ClusterAuthError, match="permission") as refused:
        run(limited, "t-others")
    assert "\n" not in str(refused.value)
    nobody = OpenSearch(
        hosts=list(secure_server.urls),
        http_auth=("nobody", "wrong"),
        ca_certs=str(secure_server.ca_certs),
    )
    with pytest.raises(ClusterAuthError, match="user name or password"):
        run(nobody, "t-mine")


def test_unreachable() -> None:
    client = OpenSearch("http://127.0.0.1:9", max_retries=0)
    with pytest.raises(ClusterUnreachableError):
        run(client, "t-mine")

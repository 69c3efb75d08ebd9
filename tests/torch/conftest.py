"""These tests need the extra ``[train-transformers]`` and no network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# The library reads it once, at import. Nothing here may depend on what the hub serves today.
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.append(str(Path(__file__).parents[1] / "unit"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.torch)


@pytest.fixture(scope="session")
def body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer so small that it is trained in seconds, with random weights."""
    from tiny_cases import write_body

    return write_body(tmp_path_factory.mktemp("body"))

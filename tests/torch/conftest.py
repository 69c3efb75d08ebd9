"""These tests need the extra ``[sentence-transformers]`` and no network."""

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

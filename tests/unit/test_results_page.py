"""The page of results is what the committed figures say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def script() -> ModuleType:
    path = ROOT / "benchmarks" / "results_table.py"
    spec = importlib.util.spec_from_file_location("results_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_of_results_is_up_to_date() -> None:
    made = script().page()
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == made, (
        "run `python benchmarks/results_table.py`"
    )
    assert "## helpdesk" in made

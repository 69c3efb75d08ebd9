"""Preparing an index for cross-lingual search, and taking that back.

`set_up` does all of it; its steps are `inspect` (read), `plan_setup` (decide, nothing sent) and
`apply` or `migrate` (carry out).
"""

from __future__ import annotations

from opensearch_clir.setup.apply import apply
from opensearch_clir.setup.generation import build_generation
from opensearch_clir.setup.inspect import IndexState, inspect
from opensearch_clir.setup.migrate import MigrationResult, migrate
from opensearch_clir.setup.plan import SetupPlan, plan_setup
from opensearch_clir.setup.read import read_schema, write_index
from opensearch_clir.setup.run import Options, carry_out, prepare, set_up
from opensearch_clir.setup.uninstall import UninstallPlan, plan_uninstall, uninstall

__all__ = [
    "IndexState",
    "MigrationResult",
    "Options",
    "SetupPlan",
    "UninstallPlan",
    "apply",
    "build_generation",
    "carry_out",
    "inspect",
    "migrate",
    "plan_setup",
    "plan_uninstall",
    "prepare",
    "read_schema",
    "set_up",
    "uninstall",
    "write_index",
]

"""Moving an index that has no k-NN into one that has: copy, compare, switch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opensearchpy import OpenSearch

from opensearch_clir.cluster import guarded
from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.schema import IndexSchema
from opensearch_clir.progress import Progress, silent
from opensearch_clir.setup.apply import apply, send
from opensearch_clir.setup.copying import Copied, Enrich, copy_documents, count, remove_vanished
from opensearch_clir.setup.plan import Migration, SetupPlan

__all__ = ["MigrationResult", "migrate"]


@dataclass(frozen=True)
class MigrationResult:
    """What a migration did.

    Attributes:
        schema: of the new index.
        copied: how the copy went.
        switched: whether the user's name now stands for the new index.
        remaining: what is left for the user to do; None if nothing is.
    """

    schema: IndexSchema
    copied: Copied
    switched: bool
    remaining: str | None = None


def migrate(
    client: OpenSearch, plan: SetupPlan, enrich: Enrich, *, progress: Progress = silent
) -> MigrationResult:
    """Make the new index, copy all documents through `enrich`, compare, switch the names.

    Repeating it goes on where it was interrupted. What is written to the old index during the
    copy is brought over at the end, while writes to it are refused for a moment.

    Args:
        plan: of the case ``migrate``.
        enrich: adds our fields to bulk actions; documents it leaves out are copied as they are.
        progress: told of each document read.

    Raises:
        ValueError: the plan is of another case.
        IndexStateError: the numbers of documents differ after the copy; nothing was switched.
        ClusterError: a document was refused, or the server did not answer.
    """
    step = plan.migration
    if step is None:
        raise ValueError(f"this plan does not migrate: its case is {plan.case!r}")
    schema = apply(client, plan)
    copied = copy_documents(client, step.source, step.target, enrich, progress)
    if step.switch is None:
        _compare(client, step)
        return MigrationResult(schema, copied, switched=False, remaining=_left_to_do(plan, step))
    with _writes_refused(client, step.source):
        copied += _catch_up(client, step, enrich)
        _compare(client, step)
        send(client, step.before_switch, f"giving {step.target!r} its pipelines")
        send(client, step.switch, f"switching {plan.index!r} to {step.target!r}")
    return MigrationResult(schema, copied, switched=True, remaining=_kept(step))


def _catch_up(client: OpenSearch, step: Migration, enrich: Enrich) -> Copied:
    count(client, step.source)  # refreshes, so that the last writes are seen
    again = copy_documents(client, step.source, step.target, enrich)
    return Copied(again.copied, 0, again.plain)


def _compare(client: OpenSearch, step: Migration) -> None:
    old, new = count(client, step.source), count(client, step.target)
    if new > old:
        remove_vanished(client, step.source, step.target)
        old, new = count(client, step.source), count(client, step.target)
    if new != old:
        raise IndexStateError(
            f"{step.target!r} has {new} documents and {step.source!r} has {old}: nothing was "
            "switched; stop what writes to the index and run the same command again"
        )


@contextmanager
def _writes_refused(client: OpenSearch, index: str) -> Iterator[None]:
    """Refuse writes to an index inside the block, unless they were refused before."""
    name = "index.blocks.write"
    with guarded(f"refusing writes to {index!r} for the switch"):
        answer = client.indices.get_settings(index=index, params={"flat_settings": "true"})
        before = answer[index]["settings"].get(name)
        client.indices.put_settings(index=index, body={name: True})
    try:
        yield
    finally:
        with guarded(f"allowing writes to {index!r} again"):
            if client.indices.exists(index=index) and before != "true":
                client.indices.put_settings(index=index, body={name: before})


def _left_to_do(plan: SetupPlan, step: Migration) -> str:
    return (
        f"All documents are in {step.target} now. An index can't be renamed, so to let "
        f"{plan.index!r} stand for it, the old index must be deleted: run the same command with "
        f"--delete-old (one step, no gap; it first brings over what changed since), or use the "
        f"name {step.target}."
    )


def _kept(step: Migration) -> str | None:
    removed = any("remove_index" in action for action in _actions(step))
    if removed:
        return None
    return f"The old index {step.source} is kept; delete it when you no longer need it."


def _actions(step: Migration) -> list[dict[str, object]]:
    if step.switch is None or step.switch.body is None:
        return []
    actions: list[dict[str, object]] = step.switch.body["actions"]
    return actions

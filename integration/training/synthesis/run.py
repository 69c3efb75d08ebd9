"""Synthesise questions: sample passages, ask, filter, write; resumable at any point."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.evaluation.files import write_text
from opensearch_clir.training.synthesis.answers import queries
from opensearch_clir.training.synthesis.ask import Outcome, ask, figures
from opensearch_clir.training.synthesis.config import Config
from opensearch_clir.training.synthesis.filters import Candidate, filtered
from opensearch_clir.training.synthesis.ledger import Ledger
from opensearch_clir.training.synthesis.passages import Passage, passages, sampled
from opensearch_clir.training.synthesis.plan import Job, jobs
from opensearch_clir.training.synthesis.templates import Templates
from opensearch_clir.training.workspace import Report

__all__ = ["planned", "synthesize"]

#: Tokens of a query, about, for what a dry run says.
QUERY_TOKENS = 30


def planned(config: Config) -> dict[str, Any]:
    """Return what a run would ask, without sending or writing anything.

    Raises:
        ConfigurationError: a folder is missing, or a template is wrong.
        DataError: a file is malformed, or there is no passage.
    """
    chosen, unused, todo = _plan(config)
    ledger = config.work / "ledger.jsonl"
    kept = Ledger(ledger, frozen=True) if ledger.exists() else None
    if kept is not None:
        kept.close()
    left = [job for job in todo if kept is None or job.key not in kept.answers]
    prompt = sum(job.bytes for job in left) // 3
    completion = len(left) * config.queries.count * QUERY_TOKENS
    spent = {} if kept is None else {"spent": figures(kept, config.budget)}
    return {
        "passages": dict(sorted(Counter(passage.lang for passage in chosen).items())),
        "unused_documents": dict(unused),
        "requests": len(todo),
        "answered": len(todo) - len(left),
        "estimated_tokens": prompt + completion,
        "estimated_cost": round(config.budget.price(prompt, completion), 4),
        **spent,
        "first_prompt": list(left[0].prompt.messages) if left else [],
    }


def synthesize(config: Config, report: Report) -> dict[str, Any]:
    """Ask what is not answered yet, filter all answers, write the rows and return the report.

    The rows are a function of the configuration and the answers: a run that was stopped and goes
    on ends with the same file as one that was not, and one without new answers pays nothing.

    Raises:
        ConfigurationError: a folder, the key or a template is wrong, or another process is at it.
        DataError: a file is malformed, or there is no passage.
        EncoderError: the encoder of the round trip can't be used.
        EndpointError: the endpoint gives no answers; what it gave before is kept.
        OSError: a file can't be written.
    """
    chosen, unused, todo = _plan(config)
    report({"stage": "plan", "passages": len(chosen), "requests": len(todo)})
    with _alone(config.work):
        ledger = Ledger(config.work / "ledger.jsonl")
        try:
            outcome = ask(todo, config, ledger, report)
        finally:
            ledger.close()
        candidates, unusable = _candidates(todo, ledger, config)
        report({"stage": "filter", "queries": len(candidates)})
        kept, rejected = filtered(candidates, chosen, config.filters)
        rows = [_row(candidate, config) for candidate in kept]
        _write(config.out, rows)
        refused = [{"reason": reason, **_row(row, config)} for row, reason in rejected]
        _write(config.work / "rejected.jsonl", [*refused, *unusable])
        found = _report(config, todo, ledger, outcome)
        found["unused_documents"] = dict(unused)
        found["passages"] = dict(sorted(Counter(passage.lang for passage in chosen).items()))
        found["rejected"] = dict(Counter(row["reason"] for row in (*refused, *unusable)))
        found["kept"] = len(kept)
        pairs = Counter(f"{row['query_lang']}>{row['lang']}" for row in rows)
        found["pairs"] = dict(sorted(pairs.items()))
        _write(config.work / "report.json", [found])
    return found


def _plan(config: Config) -> tuple[list[Passage], Counter[str], list[Job]]:
    templates = Templates(config.queries.templates)
    every, unused = passages(config)
    wanted = config.passages
    chosen = sampled(every, wanted.number, wanted.language_exponent, config.seed)
    return chosen, unused, jobs(chosen, config, templates)


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Make the folder and keep other processes out of it."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(work / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise ConfigurationError(f"another process works in {work}; wait for its end") from error
    except OSError as error:
        raise ConfigurationError(f"can't work in the folder {work}: {error}") from error
    try:
        yield
    finally:
        lock.release()


def _candidates(
    todo: Iterable[Job], ledger: Ledger, config: Config
) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """Return the queries of all answers, and the answers that can't be used."""
    candidates: list[Candidate] = []
    unusable: list[dict[str, Any]] = []
    for job in todo:
        reply = ledger.answers.get(job.key)
        if reply is None:
            continue
        found, reason = queries(reply, config.queries.count)
        candidates += [Candidate(query, job) for query in found]
        if reason is not None:
            row = _row(Candidate("", job), config)
            unusable.append({"reason": reason, **row, "answer": reply.content})
    return candidates, unusable


def _row(candidate: Candidate, config: Config) -> dict[str, Any]:
    job, passage = candidate.job, candidate.job.passage
    return {
        "query_lang": job.query_lang,
        "query": candidate.query,
        "lang": passage.lang,
        "passage": passage.text,
        "task": job.task,
        "id": passage.id,
        "group": passage.group,
        "model": config.endpoint.model,
        "template": job.prompt.template,
        "answer": job.key[:16],
    }


def _report(
    config: Config, todo: Sequence[Job], ledger: Ledger, outcome: Outcome
) -> dict[str, Any]:
    return {
        "rows": str(config.out),
        "planned": len(todo),
        "answered": sum(job.key in ledger.answers for job in todo),
        "asked_now": outcome.asked,
        "unanswered": dict(outcome.unanswered),
        "stopped_by_budget": outcome.out_of_budget,
        "spent": figures(ledger, config.budget),
    }


def _write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines; the file is replaced at once, never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part.{path.name}")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_text(part, text)
    part.replace(path)

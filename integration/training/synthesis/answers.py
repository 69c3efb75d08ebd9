"""Queries out of a model's answer, parsed strictly."""

from __future__ import annotations

import json
import re

from opensearch_clir.training.synthesis.replies import Reply

__all__ = ["queries"]

#: A model may fence its JSON; nothing else may stand around it.
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


def queries(reply: Reply, count: int) -> tuple[list[str], str | None]:
    """Return the queries of an answer, at most `count`, or why it can't be used.

    The answer must be one JSON object with the key ``queries`` alone, a list of texts. White space
    in a query becomes single blanks.
    """
    if reply.finish == "length":
        return [], "answer cut off at the limit of tokens"
    if reply.finish == "content_filter":
        return [], "answer withheld by the endpoint's filter"
    fenced = _FENCED.fullmatch(reply.content)
    try:
        value = json.loads(fenced[1] if fenced else reply.content)
    except (ValueError, RecursionError):
        return [], "answer is not JSON"
    found = value.get("queries") if isinstance(value, dict) and len(value) == 1 else None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        return [], 'answer is not {"queries": [texts]}'
    if len(found) > count:
        return [], "answer has more queries than asked for"
    cleaned = [" ".join(item.split()) for item in found]
    if not any(cleaned):
        return [], "answer has no query"
    return [item for item in cleaned if item], None

"""The scripts that see what clauses can't: a document's language and the exact cosine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.query.feedback import FeedbackPlan
from opensearch_clir.query.plan import DenseLine, QueryPlan
from opensearch_clir.query.preferences import EVERYBODY, Readers

__all__ = ["Gate", "cosines", "evidence_script", "numbers"]

Query = dict[str, Any]

# An index searched beside ours may lack the field altogether, which a script must ask first.
_LINE = """
boolean tagged = doc.containsKey(params.lang) && doc[params.lang].size() > 0;
String lang = tagged ? doc[params.lang].value : 'und';
def line = params.lines.containsKey(lang) ? params.lines[lang] : params.other;
double use = params.use.containsKey(lang) ? params.use[lang] : params.rest;
"""

# A document without the vector must not fail the search, so both guards are needed: an index
# without the field, and a document without the value.
_DENSE = (
    _LINE
    + """
boolean known = doc.containsKey(params.field) && doc[params.field].size() > 0;
double dense = known
  ? line[0] + line[1] * cosineSimilarity(params.vector, doc[params.field])
  : line[2];
"""
)

_WORDS_ONLY = _LINE + "double dense = line[2];"

_SUM = "double sum = _score + dense;"

_GATED_SUM = """
boolean found = _score >= params.mark;
double sum = (found ? _score - params.mark : _score) + dense;
"""

# The one place where log-odds become a score: a line with a bend, see
# opensearch_clir.calibration.bend.
_SCORE = """
double off = sum - params.knot;
double odds = line[3] + (off < 0 ? line[4] : line[5]) * off;
"""

# What likeness to the first hits makes of them, see opensearch_clir.calibration.feedback.
_FEEDBACK = """
def more = params.feedback.containsKey(lang) ? params.feedback[lang] : params.feedback_other;
odds = more[1] * odds + (known
  ? more[0] + more[2] * cosineSimilarity(params.centre, doc[params.field])
  : more[3]);
"""

_SHOWN = """
double away = odds - params.shown[0];
odds = params.shown[1] + (away < 0 ? params.shown[2] : params.shown[3]) * away;
"""

_PROBABILITY = "double p = use / (1.0 + Math.exp(-odds));"

_RETURN = "return p;"

_GATED_RETURN = "return found || p >= params.least ? p : 0.0;"

_COSINE = """
if (!doc.containsKey(params.field) || doc[params.field].size() == 0) { return 0; }
return 1.0 + cosineSimilarity(params.vector, doc[params.field]);
"""


@dataclass(frozen=True)
class Gate:
    """Which of the matched documents are found.

    Attributes:
        mark: documents with this much added to their log-odds of words are found anyhow; more than
            all evidence of words together.
        least: probability that all others need, in (0, 1); they score 0 below it.
    """

    mark: float
    least: float


def cosines(plan: QueryPlan, vector: NDArray[np.float32] | None, within: Query) -> Query:
    """Return the query that scores documents by 1 + cosine; 0 for those without a vector."""
    if vector is None:
        return within
    params = {"field": plan.vector_field, "vector": vector.tolist()}
    return {"script_score": {"query": within, "script": {"source": _COSINE, "params": params}}}


def evidence_script(
    plan: QueryPlan, readers: Readers = EVERYBODY, gate: Gate | None = None
) -> Query:
    """Return the script that turns matched words and the cosine into the probability.

    The source is one of eight constants, so the server compiles each once; all that varies is in
    the parameters.
    """
    parameters: dict[str, Any] = {
        "lang": plan.lang_field,
        "lines": {code: numbers(line) for code, line in plan.lines.items()},
        "other": numbers(plan.other),
        "knot": plan.knot,
        "use": dict(readers.use),
        "rest": readers.rest,
    }
    total, returned = _SUM, _RETURN
    if gate is not None:
        total, returned = _GATED_SUM, _GATED_RETURN
        parameters |= {"mark": gate.mark, "least": gate.least}
    dense, feedback = _WORDS_ONLY, ""
    if plan.vector is not None:
        dense = _DENSE
        parameters["field"] = plan.vector_field
        parameters["vector"] = plan.vector.tolist()
        if plan.feedback is not None and plan.centre is not None:
            feedback = _FEEDBACK if plan.feedback.shown is None else _FEEDBACK + _SHOWN
            parameters |= _feedback(plan.feedback)
    source = dense + total + _SCORE + feedback + _PROBABILITY + returned
    return {"source": source, "params": parameters}


def _feedback(feedback: FeedbackPlan) -> dict[str, Any]:
    assert feedback.centre is not None
    shown = feedback.shown
    return {
        **({} if shown is None else {"shown": shown.numbers(feedback.standing)}),
        # The server's cosine does not mind the length, which the lines have.
        "centre": feedback.centre.vector.tolist(),
        "feedback": {code: feedback.numbers(line) for code, line in feedback.lines.items()},
        "feedback_other": feedback.numbers(feedback.other),
    }


def numbers(line: DenseLine) -> list[float]:
    """Return a line as the scripts' parameters have it."""
    bend = line.bend
    return [line.intercept, line.slope, line.missing, bend.at, bend.below, bend.above]

"""A result with everything a report can show, written by hand."""

from __future__ import annotations

from typing import Any

from opensearch_clir.evaluation.report.read import Result

HOSTILE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>\"'&"


def value(mean: float, topics: int = 60) -> dict[str, Any]:
    return {"value": mean, "low": mean - 0.03, "high": mean + 0.04, "topics": topics}


def difference(diff: float, verdict: str, **more: Any) -> dict[str, Any]:
    edges = {"low": diff - 0.03, "high": diff + 0.03, "topics": 60}
    return {"diff": diff, **edges, "p": 0.0004, "verdict": verdict, **more}


def system(base: float) -> dict[str, Any]:
    return {
        "pooled": {"nDCG@10": value(base), "R@100": value(base + 0.2)},
        "same": {"nDCG@10": value(base + 0.3), "R@100": None},
        "cross": {"nDCG@10": value(base - 0.05)},
        "pairs": {
            "fr>en": {"nDCG@10": value(base)},
            "en>fr": {"nDCG@10": value(base - 0.1)},
            "fr>fr": {"nDCG@10": value(base + 0.3)},
            "en>ar": {"nDCG@10": value(base, topics=7)},
        },
        "small": ["en>ar"],
        "same_language_share@10": {"value": 0.61, "low": 0.58, "high": 0.64},
        "gaps": {"PEER@100": value(0.8), "spread": {"nDCG@10": 0.123}},
        "by_answers": {"nDCG@10": {"own": value(0.7), "foreign": value(0.3)}},
        "document_languages": {"nDCG@10": {"max_minus_min": 0.2, "languages": {"ar": 0.234}}},
        "latency_ms": {"p50": 8.25, "p95": 140.2},
        "chosen": {"0": {"weight": 0.3, "norm": "l2"}, "1": {"weight": 0.3, "norm": "l2"}},
    }


def content() -> dict[str, Any]:
    expected = [{"id": "d1.ar", "lang": "ar", "title": "ماكينة القهوة"}]
    found = [
        {"id": "x<y", "lang": "en", "title": HOSTILE, "score": 0.91, "relevant": False},
        {"id": "d1.ar", "lang": "ar", "title": "ماكينة", "score": 0.3, "relevant": True},
    ]
    worst = {"query": "q1", "lang": "ar", "text": "متى يصل المبلغ؟ BrevaLink", "value": 0.11}
    return {
        "set": {"name": "helpdesk", "documents": 12345, "languages": ["ar", "en", "fr"]},
        "versions": {"opensearch": "2.19.1"},
        "date": "2026-01-01",
        "seed": 0,
        "systems": {"clir": system(0.5), "hybrid": system(0.4), HOSTILE: system(0.1)},
        "paired": {
            "clir-hybrid": {
                "pooled": {"nDCG@10": difference(0.1, "better")},
                "cross": {"nDCG@10": difference(0.01, "not distinguishable")},
                "pairs": {
                    "fr>en": {"nDCG@10": difference(-0.1, "worse", p_holm=0.01)},
                    "en>fr": {"nDCG@10": difference(0.0, "not distinguishable")},
                },
            }
        },
        "worst": {"clir": [{**worst, "expected": expected, "found": found}]},
    }


def result(name: str = "helpdesk") -> Result:
    made = content()
    made["set"]["name"] = name
    return Result(made, "file")

"""Requests of the shapes that Dashboards sends; written by us, after its public query builders.

Each is a search body around a query bar's text: Lucene goes to ``bool.must``, the Dashboards Query
Language to ``bool.filter``, and so do the time range and saved filters.
"""

from __future__ import annotations

from typing import Any

__all__ = ["QUERIES", "REQUESTS", "TEXT", "TIME"]

#: A question that no document answers in its own words.
TEXT = "la machine ne se connecte pas au wifi"

TIME = {
    "range": {
        "@timestamp": {
            "gte": "2026-01-01T00:00:00.000Z",
            "lte": "2026-01-31T23:59:59.999Z",
            "format": "strict_date_optional_time",
        }
    }
}


def _query(must: list[Any] = [], filters: list[Any] = [], not_: list[Any] = []) -> dict[str, Any]:  # noqa: B006
    return {"bool": {"must": must, "filter": [*filters, TIME], "should": [], "must_not": not_}}


_LUCENE = {"query_string": {"query": TEXT, "analyze_wildcard": True, "time_zone": "Europe/Berlin"}}
_DQL: dict[str, Any] = {"multi_match": {"type": "best_fields", "query": TEXT, "lenient": True}}
_FIELD = {"bool": {"should": [{"match": {"lang": "en"}}], "minimum_should_match": 1}}
_PILL = {"match_phrase": {"topic": "wifi-pairing"}}

#: By language of the query bar, and what else is in the bar.
QUERIES: dict[str, dict[str, Any]] = {
    "lucene": _query([_LUCENE]),
    "dql": _query([], [_DQL]),
    "lucene-with-saved-filter": _query([_LUCENE], [_PILL]),
    "dql-with-negated-filter": _query([], [_DQL], [{"match_phrase": {"topic": "voucher"}}]),
    "dql-and-field": _query(
        [],
        [
            {
                "bool": {
                    "filter": [
                        _DQL,
                        {
                            "bool": {
                                "should": [{"match": {"lang": "en"}}],
                                "minimum_should_match": 1,
                            }
                        },
                    ]
                }
            }
        ],
    ),
    "dql-or": _query(
        [],
        [
            {
                "bool": {
                    "should": [
                        _DQL,
                        {
                            "multi_match": {
                                "type": "best_fields",
                                "query": "voucher",
                                "lenient": True,
                            }
                        },
                    ],
                    "minimum_should_match": 1,
                }
            }
        ],
    ),
    "dev-tools-match": {"match": {"text": TEXT}},
    "dev-tools-bool": {
        "bool": {
            "should": [{"match": {"title": {"query": TEXT, "boost": 2}}}, {"match": {"text": TEXT}}]
        }
    },
    "dev-tools-simple": {"simple_query_string": {"query": TEXT, "fields": ["title^2", "text"]}},
}

_EVERYWHERE = {
    "pre_tags": ["@opensearch-dashboards-highlighted-field@"],
    "post_tags": ["@/opensearch-dashboards-highlighted-field@"],
    "fields": {"*": {}},
    "fragment_size": 2147483647,
}

#: What stands around the query, by where in Dashboards it is sent from.
REQUESTS: dict[str, dict[str, Any]] = {
    "discover": {
        "sort": [{"@timestamp": {"order": "desc", "unmapped_type": "boolean"}}],
        "size": 500,
        "version": True,
        "aggs": {
            "2": {
                "date_histogram": {
                    "field": "@timestamp",
                    "calendar_interval": "1d",
                    "time_zone": "Europe/Berlin",
                    "min_doc_count": 1,
                }
            }
        },
        "stored_fields": ["*"],
        "script_fields": {},
        "docvalue_fields": [{"field": "@timestamp", "format": "date_time"}],
        "_source": {"excludes": ["clir", "clir.*"]},
        "highlight": _EVERYWHERE,
    },
    "discover-by-score": {
        "sort": [{"_score": {"order": "desc"}}],
        "size": 500,
        "_source": {"excludes": ["clir", "clir.*"]},
        "highlight": _EVERYWHERE,
    },
    "visualize": {
        "size": 0,
        "aggs": {
            "2": {
                "terms": {"field": "topic", "order": {"_count": "desc"}, "size": 5},
                "aggs": {"3": {"terms": {"field": "lang", "size": 5}}},
            }
        },
        "stored_fields": ["*"],
        "script_fields": {},
        "docvalue_fields": [{"field": "@timestamp", "format": "date_time"}],
        "_source": {"excludes": []},
    },
}

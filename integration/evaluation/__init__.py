"""Evaluation of cross-lingual search: sets, metrics and statistics, without a cluster.

::

    read_set ─> EvaluationSet ─> check, thin, folds
                     │
    runs ────────────┴─> metrics, gaps, peer ─> statistics, significance ─> summary

Metrics need the extra ``opensearch-clir[evaluation]``; sets, topics, folds and runs do not.
"""

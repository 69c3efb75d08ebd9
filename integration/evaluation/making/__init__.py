"""Making an evaluation set from one's own index, with people who speak the languages.

::

    sample ─> corpus.jsonl, queries.tsv (questions to be written) ─> pool ─> pool.jsonl
       ─> judge (a local page) ─> judgments.<judge>.jsonl ─> combine ─> qrels.tsv
                                         └─> agreement        └─> exchange (TREC, Quepid)
"""

"""What happens to a document on its way into the index.

`pipeline` enriches, `readers` reads files, `bulk` writes; what can't go in becomes a `Rejected`.
"""

from opensearch_clir.ingest.bulk import Report, WriteInterrupted, write
from opensearch_clir.ingest.duplicates import first_of_each_id
from opensearch_clir.ingest.pipeline import Enriched, Enricher
from opensearch_clir.ingest.readers import read
from opensearch_clir.ingest.records import Record
from opensearch_clir.ingest.rejected import DeadLetters, Rejected

__all__ = [
    "DeadLetters",
    "Enriched",
    "Enricher",
    "Record",
    "Rejected",
    "Report",
    "WriteInterrupted",
    "first_of_each_id",
    "read",
    "write",
]

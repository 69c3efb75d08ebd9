"""A judging page that is served while a test looks at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opensearch_clir.evaluation.making.desk import Desk
from opensearch_clir.evaluation.making.draft import read_draft
from opensearch_clir.evaluation.making.server import JudgingServer


@contextmanager
def serving(folder: Path) -> Iterator[JudgingServer]:
    with JudgingServer(Desk(read_draft(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()

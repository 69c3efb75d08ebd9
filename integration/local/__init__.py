"""A real OpenSearch on this machine, without Docker: assembled with Maven, run as any user.

::

    from opensearch_clir.local import start, ephemeral, find_server

    instance = start()                 # like `clir up`: goes on running, data is kept
    client = instance.client()

    with ephemeral(nodes=3) as cluster:  # temporary: gone at the end of the block
        cluster.client().info()

    find_server()                      # OPENSEARCH_URL, else Docker, else a local one
"""

from opensearch_clir.local.find import find_server
from opensearch_clir.local.home import ensure_home
from opensearch_clir.local.instance import Instance
from opensearch_clir.local.server import find_running, known, running, start, stop
from opensearch_clir.local.temporary import ephemeral, start_temporary

__all__ = [
    "Instance",
    "ensure_home",
    "ephemeral",
    "find_running",
    "find_server",
    "known",
    "running",
    "start",
    "start_temporary",
    "stop",
]

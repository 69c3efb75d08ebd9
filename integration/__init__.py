"""Cross-lingual search in the OpenSearch cluster you already run.

``Clir`` wraps an opensearch-py client::

    from opensearchpy import OpenSearch, helpers
    from opensearch_clir import Clir

    clir = Clir(OpenSearch("http://localhost:9200"), "kb")
    clir.setup(fields=["title^2", "body"])
    helpers.bulk(clir.client, clir.enrich(actions))
    response = clir.search("la machine ne se connecte pas au wifi")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensearch_clir.errors import ClirError

if TYPE_CHECKING:
    from opensearch_clir.clir import Clir

__all__ = ["Clir", "ClirError", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Importing the package stays cheap: the client, numpy and the tokenizer load on first use.
    if name == "Clir":
        from opensearch_clir.clir import Clir

        return Clir
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

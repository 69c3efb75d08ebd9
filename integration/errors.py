"""Every error this package raises on purpose, as one tree.

::

    ClirError
    ├── ConfigurationError          settings, files or arguments are wrong (all problems at once)
    ├── DataError                   a corpus, bulk or evaluation file is malformed (names the line)
    ├── EncoderError                a model can't be loaded, or returned unusable vectors
    ├── EndpointError               a language model's endpoint refuses, or gives no answer
    ├── RerankerError               a reranker can't be loaded or reached, or answers nonsense
    ├── QueryError                  the query can't be run as asked
    ├── LocalServerError            the local OpenSearch can't be assembled, started or stopped
    │   └── MissingToolError        a program it needs (java, mvn, openssl) is not installed
    └── ClusterError                the OpenSearch cluster refused or can't be reached
        ├── ClusterUnreachableError no answer (address, TLS, time-out)
        ├── ClusterAuthError        wrong or missing credentials, or a missing permission
        ├── ClusterReadOnlyError    the index or cluster is blocked for writing
        └── IndexStateError         the index can't be used as it is
            ├── IndexMissingError   no such index
            ├── IndexClosedError    the index is closed
            ├── NotManagedError     the index was never set up for cross-lingual search
            ├── NamespaceTakenError a user field occupies our object's name
            └── GenerationMismatchError  vectors of another model or configuration are active

A message says what was wrong, where, and what to do about it. Messages never contain credentials.
"""

from __future__ import annotations

__all__ = [
    "ClirError",
    "ClusterAuthError",
    "ClusterError",
    "ClusterReadOnlyError",
    "ClusterUnreachableError",
    "ConfigurationError",
    "DataError",
    "EncoderError",
    "EndpointError",
    "GenerationMismatchError",
    "IndexClosedError",
    "IndexMissingError",
    "IndexStateError",
    "LocalServerError",
    "MissingToolError",
    "NamespaceTakenError",
    "NotManagedError",
    "QueryError",
    "RerankerError",
]


class ClirError(Exception):
    """Base of all errors of this package; the command line prints its message as one line."""


class ConfigurationError(ClirError):
    """Settings, a configuration file or arguments are wrong; lists every problem found."""


class DataError(ClirError):
    """An input file is malformed; the message names the file and, where there is one, the line."""


class EncoderError(ClirError):
    """An encoder can't be loaded, or gave vectors of wrong shape or with NaN."""


class EndpointError(ClirError):
    """The endpoint of a language model refuses the requests, or gives no answer to them."""


class RerankerError(ClirError):
    """A reranker can't be loaded or reached, or its answer is none."""


class QueryError(ClirError):
    """The query can't be run as asked (empty, too deep a page, a clause that is not allowed)."""


class LocalServerError(ClirError):
    """The local OpenSearch can't be assembled, started, found or stopped."""


class MissingToolError(LocalServerError):
    """A program that is needed on this machine is not installed."""


class ClusterError(ClirError):
    """The OpenSearch cluster refused a request or can't be used."""


class ClusterUnreachableError(ClusterError):
    """No answer from the cluster: wrong address, TLS failure or time-out."""


class ClusterAuthError(ClusterError):
    """The cluster refused the credentials, or they lack a permission."""


class ClusterReadOnlyError(ClusterError):
    """The index or the cluster is blocked for writing."""


class IndexStateError(ClusterError):
    """The index exists or not in a way that the operation can't work with."""


class IndexMissingError(IndexStateError):
    """There is no such index."""


class IndexClosedError(IndexStateError):
    """The index is closed."""


class NotManagedError(IndexStateError):
    """The index has no set-up of ours in its ``_meta``."""


class NamespaceTakenError(IndexStateError):
    """A field of the user's own occupies the name of our object."""


class GenerationMismatchError(IndexStateError):
    """The index's active vectors were made by another model, prompt or debiasing."""

"""A debiasing as a JSON document: a few hundred kilobytes, checked by its digest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.debias.method import Method
from opensearch_clir.debias.transform import Debias
from opensearch_clir.errors import ConfigurationError, IndexStateError

__all__ = ["from_document", "to_document"]

#: Version of the layout.
FORMAT = 1

Vectors = NDArray[np.float32]


def to_document(debias: Debias) -> dict[str, Any]:
    """Return the JSON form: arrays are little-endian float32 in base64, in order of `languages`."""
    return {
        "format": FORMAT,
        "method": str(debias.method),
        "dimension": debias.dimension,
        "languages": list(debias.languages),
        "digest": debias.digest,
        "offsets": _packed(debias.offsets),
        "directions": _packed(debias.directions),
    }


def from_document(document: Mapping[str, Any], where: str) -> Debias:
    """Read the JSON form.

    Args:
        document: as `to_document` made it.
        where: it comes from, for messages.

    Raises:
        IndexStateError: damaged, cut short, or of another version of this package.
    """
    if document.get("format") != FORMAT:
        raise IndexStateError(
            f"{where} has layout {document.get('format')!r}, this version of the package reads "
            f"{FORMAT}: upgrade opensearch-clir"
        )
    try:
        method = Method.parse(document["method"])
        dimension = int(document["dimension"])
        languages = [str(code) for code in document["languages"]]
        found = Debias(
            method,
            dimension,
            _unpacked(document["offsets"], languages, (dimension,)),
            _unpacked(document["directions"], languages, (method.rank, dimension)),
        )
    except (KeyError, TypeError, ValueError, binascii.Error, ConfigurationError) as error:
        raise IndexStateError(f"{where} is damaged: {error!r}") from error
    if found.digest != document.get("digest"):
        raise IndexStateError(f"{where} is damaged: its content has another digest than it says")
    return found


def _packed(arrays: Mapping[str, Vectors]) -> str:
    joined = b"".join(
        np.ascontiguousarray(arrays[code], dtype="<f4").tobytes() for code in sorted(arrays)
    )
    return base64.b64encode(joined).decode("ascii")


def _unpacked(text: str, languages: list[str], shape: tuple[int, ...]) -> dict[str, Vectors]:
    flat = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    if not len(flat):
        return {}
    return dict(zip(languages, flat.reshape(len(languages), *shape), strict=True))

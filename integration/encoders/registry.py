"""Encoders by the name that a user gives in the settings."""

from __future__ import annotations

import functools
from pathlib import Path

from opensearch_clir.encoders import static_files
from opensearch_clir.encoders.base import Encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, EncoderError

__all__ = ["EMBEDDED", "load_encoder"]

#: The name of the static model that comes with the package.
EMBEDDED = "embedded"


def load_encoder(
    name: str, *, query_prompt: str | None = None, passage_prompt: str | None = None
) -> Encoder:
    """Return the encoder of a name.

    Args:
        name: ``embedded``; the folder of a static model; or a sentence-transformers model, by
            its folder or its name on the Hugging Face hub.
        query_prompt: text put before each query; without one the model's own is used.
        passage_prompt: the same for passages.

    Raises:
        ConfigurationError: prompts were given for a static model, or the name is empty.
        EncoderError: the model, or the library that runs it, is missing or can't be loaded.
    """
    if not name.strip():
        raise ConfigurationError("the encoder's name is empty; use 'embedded' or name a model")
    folder = Path(__file__).parent / EMBEDDED if name == EMBEDDED else Path(name).expanduser()
    if name == EMBEDDED or static_files.is_static(folder):
        if query_prompt or passage_prompt:
            raise ConfigurationError(
                f"the encoder {name!r} is a static model, which takes no prompts; "
                "remove query_prompt and passage_prompt"
            )
        return _embedded(folder) if name == EMBEDDED else StaticEncoder.load(folder, name=name)
    if _is_path(name) and not folder.is_dir():
        raise EncoderError(f"can't load the encoder {name!r}: no such folder")
    from opensearch_clir.encoders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(
        name, query_prompt=query_prompt, passage_prompt=passage_prompt
    )


@functools.cache
def _embedded(folder: Path) -> StaticEncoder:
    # It never changes, takes seconds to load, and a service has many indices.
    return StaticEncoder.load(folder, name=EMBEDDED)


def _is_path(name: str) -> bool:
    """Whether a name can only be a folder: those on the hub are ``MODEL`` or ``OWNER/MODEL``."""
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name

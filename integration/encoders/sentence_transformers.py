"""Any sentence-transformers model as an encoder; needs the extra ``[sentence-transformers]``."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders import model_files, prompts
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.encoders.loading import INSTALL, hint, one_line
from opensearch_clir.encoders.texts import quiet_forks, well_formed
from opensearch_clir.errors import EncoderError

__all__ = ["SentenceTransformersEncoder"]


class SentenceTransformersEncoder:
    """A model from a folder or the Hugging Face hub, run by sentence-transformers.

    Safe to share between threads; calls wait for one another, since the library's tokenizers
    can't be used by two threads at once.

    Attributes:
        name: the folder or the name on the hub.
        model: the library's.
        dimension: length d of each vector.
        prompts: the query and the passage prompt in use.
        max_tokens: tokens of a text that count; None where the model has no limit.
    """

    def __init__(
        self,
        name_or_path: str | Path,
        query_prompt: str | None = None,
        passage_prompt: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
    ) -> None:
        """Load the model; the hub is asked only for what its cache lacks.

        Args:
            name_or_path: folder of the model, or its name on the hub.
            query_prompt, passage_prompt: text put before each query or passage. None takes the
                model's own, else that of a known family (see `prompts`); an empty string none.
            device: torch device such as ``cpu`` or ``cuda``; default the best there is.
            batch_size: texts that go through the model at once, at least 1.

        Raises:
            EncoderError: the library is not installed, or the model is unknown, unreachable or
                damaged.
        """
        self.name = str(name_or_path)
        folder = Path(self.name).expanduser()
        self._folder = folder if folder.is_dir() else None
        self.model = _load(str(self._folder or self.name), self.name, device)
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._fingerprint: str | None = None
        self.dimension = _dimension(self.model, self.name)
        limit = getattr(self.model, "max_seq_length", None)
        self.max_tokens = limit if isinstance(limit, int) else None
        label = folder.resolve().name if self._folder else self.name
        stated = getattr(self.model, "prompts", None) or {}
        self.prompts = prompts.choose(label, stated, query_prompt, passage_prompt)

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 over weights, tokenizer, configuration, prompts and `max_tokens`.

        Computed on first use from the files in the folder or the hub's cache, or from the weights
        in memory where there are no files (about a second per gigabyte).

        Raises:
            EncoderError: a file can't be read.
        """
        if self._fingerprint is None:
            folder = self._folder or _cached(self.name)
            if folder:
                model = model_files.files_digest(folder)
            else:
                model = model_files.weights_digest(self.model.state_dict())
            facts = [model, self.prompts.query, self.prompts.passage, self.max_tokens]
            text = "sentence-transformers\n" + json.dumps(facts)
            self._fingerprint = hashlib.sha256(text.encode()).hexdigest()
        return self._fingerprint

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return float32 unit vectors (len(texts), d), with the prompt of the role.

        Raises:
            EncoderError: the model failed, for example for lack of memory.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        # Newer releases have a method per role, for models with a network per role.
        method = "encode_query" if role == "query" else "encode_document"
        run = getattr(self.model, method, self.model.encode)
        try:
            with self._lock:
                vectors = run(
                    well_formed(texts),
                    # An empty prompt is given too: it keeps the library from adding its default.
                    prompt=self.prompts.of(role),
                    batch_size=self._batch_size,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                    normalize_embeddings=True,
                )
        except (RuntimeError, ValueError) as error:
            raise EncoderError(f"the model {self.name!r} failed: {one_line(error)}") from error
        return np.asarray(vectors, dtype=np.float32)


def _load(source: str, name: str, device: str | None) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise EncoderError(f"can't use the encoder {name!r}: {INSTALL}") from error
    quiet_forks()
    try:
        return SentenceTransformer(source, device=device)
    # Hub, network, weight and configuration errors have no common base but Exception.
    except Exception as error:
        text = f"can't load the encoder {name!r}: {one_line(error)}; {hint(source)}"
        raise EncoderError(text) from error


def _dimension(model: Any, name: str) -> int:
    # Renamed in newer releases, where the old name warns.
    method = getattr(model, "get_embedding_dimension", None)
    size = (method or model.get_sentence_embedding_dimension)()
    if not isinstance(size, int):
        raise EncoderError(f"the model {name!r} doesn't say the dimension of its vectors")
    return size


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError):  # not cached, or no name of a model on the hub
        return None

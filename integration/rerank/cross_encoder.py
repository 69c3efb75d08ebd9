"""Any cross-encoder of sentence-transformers; needs the extra ``[sentence-transformers]``."""

from __future__ import annotations

import importlib.util
import inspect
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from opensearch_clir.encoders import model_files
from opensearch_clir.encoders.loading import INSTALL, hint, one_line
from opensearch_clir.encoders.texts import quiet_forks, well_formed
from opensearch_clir.errors import EncoderError, RerankerError
from opensearch_clir.rerank.base import Evidence

__all__ = ["CrossEncoderReranker"]

#: Pairs that go through the model at once.
BATCH = 16

#: Tokens of a pair that count, where the model takes more.
MAX_TOKENS = 512

#: Characters of a text that are tokenised for each token that counts.
CHARACTERS_PER_TOKEN = 24

#: Where exporters put a model that runs without torch's own kernels.
_ONNX = Path("onnx") / "model.onnx"


class CrossEncoderReranker:
    """A model from a folder or the Hugging Face hub that reads question and text together.

    Scores are the model's logits. Safe to share between threads; calls wait for one another.

    Attributes:
        name: the folder or the name on the hub.
        backend: ``onnx`` where the folder has such a model and its runtime is installed, or
            ``torch``.
    """

    def __init__(
        self,
        name_or_path: str | Path,
        *,
        device: str | None = None,
        batch: int = BATCH,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        """Load the model; the hub is asked only for what its cache lacks.

        Args:
            name_or_path: folder of the model, or its name on the hub.
            device: torch device such as ``cpu`` or ``cuda``; default the best there is.
            batch: pairs that go through the model at once, at least 1.
            max_tokens: of question and text together; the text's end is cut.

        Raises:
            RerankerError: the library is not installed, or the model is unknown, unreachable,
                damaged, or gives several numbers for a pair.
        """
        self.name = str(name_or_path)
        folder = Path(self.name).expanduser()
        self._folder = folder if folder.is_dir() else None
        self.backend = _backend(self._folder)
        self._model = _load(str(self._folder or self.name), self.name, device, self.backend)
        labels = getattr(self._model, "num_labels", 1)
        if labels != 1:
            raise RerankerError(
                f"the model {self.name!r} gives {labels} numbers for a pair, a reranker gives one: "
                "name a cross-encoder that was trained for ranking"
            )
        # Renamed in newer releases, where the old name warns.
        limit = "max_seq_length" if hasattr(type(self._model), "max_seq_length") else "max_length"
        own = getattr(self._model, limit, None)
        self._tokens = min(own, max_tokens) if isinstance(own, int) and own > 0 else max_tokens
        setattr(self._model, limit, self._tokens)
        self._batch = batch
        self._lock = threading.Lock()
        self._fingerprint: str | None = None

    @property
    def fingerprint(self) -> str:
        """Of the weights, their files and the tokens that count.

        Raises:
            RerankerError: a file can't be read.
        """
        if self._fingerprint is None:
            try:
                if self._folder is not None:
                    digest = model_files.files_digest(self._folder)
                else:
                    digest = model_files.weights_digest(self._model.model.state_dict())
            except EncoderError as error:
                raise RerankerError(str(error)) from error
            self._fingerprint = f"cross-encoder {digest} {self._tokens}"
        return self._fingerprint

    def score(self, query: str, texts: Sequence[str], seconds: float) -> Evidence:
        """Return the logit of each pair; the clock is looked at between batches.

        Raises:
            RerankerError: the model failed, for example for lack of memory.
        """
        limit = time.monotonic() + seconds
        scores = np.full(len(texts), np.nan)
        characters = self._tokens * CHARACTERS_PER_TOKEN
        question = well_formed([query[:characters]])[0]
        for start in range(0, len(texts), self._batch):
            if start and time.monotonic() >= limit:
                break
            part = well_formed([text[:characters] for text in texts[start : start + self._batch]])
            found = self._predict([(question, text) for text in part])
            scores[start : start + len(part)] = found
        return scores

    def _predict(self, pairs: list[tuple[str, str]]) -> Any:
        from torch.nn import Identity

        # Renamed in newer releases.
        known = inspect.signature(self._model.predict).parameters
        name = "activation_fn" if "activation_fn" in known else "activation_fct"
        options: dict[str, Any] = {name: Identity()}
        try:
            with self._lock:
                found = self._model.predict(
                    pairs, batch_size=self._batch, show_progress_bar=False, **options
                )
        except (RuntimeError, ValueError) as error:
            raise RerankerError(f"the model {self.name!r} failed: {one_line(error)}") from error
        return np.asarray(found, dtype=np.float64).reshape(len(pairs))


def _backend(folder: Path | None) -> str:
    runs = all(importlib.util.find_spec(name) for name in ("onnxruntime", "optimum"))
    return "onnx" if folder is not None and (folder / _ONNX).is_file() and runs else "torch"


def _load(source: str, name: str, device: str | None, backend: str) -> Any:
    try:
        from sentence_transformers import CrossEncoder
    except ImportError as error:
        raise RerankerError(f"can't use the reranker {name!r}: {INSTALL}") from error
    quiet_forks()
    options = {} if backend == "torch" else {"backend": backend}
    try:
        return CrossEncoder(source, device=device, **options)
    # Hub, network, weight and configuration errors have no common base but Exception.
    except Exception as error:
        text = f"can't load the reranker {name!r}: {one_line(error)}; {hint(source)}"
        raise RerankerError(text) from error

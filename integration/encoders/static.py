"""The static encoder: a text is the normalised sum of the vectors of its pieces.

It needs numpy and tokenizers only. See `static_files` for the files of such a model.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from opensearch_clir.encoders import static_files
from opensearch_clir.encoders.base import Role, Vectors
from opensearch_clir.encoders.rows import Rows
from opensearch_clir.encoders.texts import quiet_forks, well_formed
from opensearch_clir.errors import EncoderError

__all__ = ["StaticEncoder"]

#: Characters read per token that counts: no piece is longer, so the cap alone hardly ever bites.
CHARACTERS_PER_TOKEN = 24

#: Texts and characters handed to the tokenizer at once; its results take about 100 bytes a token.
BATCH_TEXTS, BATCH_CHARACTERS = 1024, 1 << 18


class StaticEncoder:
    """A model of one vector per piece of text; the same for queries and passages.

    Safe to share between threads. Weights stay on disk (memory-mapped) and the tokenizer is built
    on first use, so that loading costs milliseconds.

    Attributes:
        name: how a user names it in the settings.
        dimension: length d of each vector.
        max_tokens: pieces of a text that count; the rest of a longer text is ignored.
        config: the model's ``config.json``.
        folder: of its files.
    """

    def __init__(self, folder: Path, config: dict[str, Any], name: str) -> None:
        """Use `load` instead."""
        self.name = name
        self.dimension: int = config["dimension"]
        self.max_tokens: int = config["max_tokens"]
        self.config = config
        self.folder = folder
        self._rows, self._scales = static_files.read_arrays(
            folder, config["vocabulary"], self.dimension
        )
        self._lock = threading.Lock()
        self._tokenizer: Tokenizer | None = None
        self._fingerprint: str | None = None

    @classmethod
    def load(cls, folder: str | Path, name: str | None = None) -> StaticEncoder:
        """Return the model in a folder.

        Args:
            folder: see `static_files`.
            name: how the encoder calls itself; default the folder's path.

        Raises:
            EncoderError: a file is missing, damaged or doesn't fit the others. A damaged tokenizer
                is reported by the first call that needs it.
        """
        path = Path(folder)
        return cls(path, static_files.read_config(path), name or str(folder))

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 over weights, tokenizer and `max_tokens`; computed once.

        Raises:
            EncoderError: a file is missing or differs from the digest in ``config.json``.
        """
        if self._fingerprint is None:
            parts = static_files.digests(self.folder, self.config)
            parts["max_tokens"] = str(self.max_tokens)
            text = "\n".join(f"{key}={parts[key]}" for key in sorted(parts))
            self._fingerprint = hashlib.sha256(f"static\n{text}".encode()).hexdigest()
        return self._fingerprint

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, without padding and truncation; built on first use.

        Raises:
            EncoderError: its file is missing or damaged, or it has more pieces than rows.
        """
        if self._tokenizer is None:
            with self._lock:
                if self._tokenizer is None:
                    self._tokenizer = self._build_tokenizer()
        return self._tokenizer

    def encode(self, texts: Sequence[str], role: Role = "passage") -> Vectors:
        """Return float32 vectors (len(texts), d): unit rows, zero where no piece is known.

        A row depends on its text alone, whatever the rest of the batch; memory is bounded for
        any number and length of texts.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, ids in enumerate(self.token_ids(texts)):
            if ids:
                # One product per text: its length decides nothing for others, and it beat
                # sums over segments of concatenated rows 7 to 35 times.
                rows, scales = self._pieces(ids)
                np.dot(scales, rows, out=sums[row])
        norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
        np.divide(sums, norms, out=sums, where=norms > 1e-9)
        return sums

    def token_vectors(self, text: str) -> Vectors:
        """Return float32 vectors (pieces, d) of a text's known pieces, in order, not normalised.

        Their sum, normalised, is the text's vector.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        rows, scales = self._pieces(next(self.token_ids([text])))
        known = scales > 0
        return rows[known] * scales[known, None]

    @property
    def rows(self) -> Rows:
        """The rows (V, d) as they are before `scales`."""
        return self._rows

    @property
    def scales(self) -> NDArray[np.float32]:
        """The scale of each row, shape (V,); 0: no vector."""
        return self._scales

    @property
    def vocabulary_digest(self) -> str:
        """Hex SHA-256 of the tokenizer: equal for models that cut texts alike.

        Raises:
            EncoderError: its file is missing or can't be read.
        """
        return hashlib.sha256(static_files.tokenizer_text(self.folder).encode()).hexdigest()

    def dequantised(self) -> NDArray[np.float32]:
        """Return the vectors (V, d) of all pieces, float32."""
        return self._rows.take(slice(None)) * self._scales[:, None]

    def _pieces(self, ids: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        index = np.array(ids, dtype=np.intp)
        return self._rows.take(index), self._scales.take(index)

    def token_ids(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Yield the row of each piece of each text, in order, at most `max_tokens`.

        Raises:
            EncoderError: the tokenizer is missing or damaged.
        """
        tokenizer = self.tokenizer
        # Older releases of tokenizers lack the variant that skips character offsets.
        batch = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        for chunk in self._chunks(texts):
            for encoding in batch(well_formed(chunk), add_special_tokens=False):
                yield encoding.ids[: self.max_tokens]

    def _chunks(self, texts: Sequence[str]) -> Iterator[list[str]]:
        chunk: list[str] = []
        size = 0
        for text in texts:
            cut = text[: self.max_tokens * CHARACTERS_PER_TOKEN]
            chunk.append(cut)
            size += len(cut)
            if len(chunk) >= BATCH_TEXTS or size >= BATCH_CHARACTERS:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _build_tokenizer(self) -> Tokenizer:
        text = static_files.tokenizer_text(self.folder)
        quiet_forks()
        try:
            tokenizer = Tokenizer.from_str(text)
        # The library raises nothing more specific than Exception for a malformed file.
        except Exception as error:
            raise EncoderError(
                f"the static model's tokenizer in {self.folder} can't be read: {error}"
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if tokenizer.get_vocab_size() > len(self._scales):
            raise EncoderError(
                f"the static model in {self.folder} has {len(self._scales)} vectors for "
                f"{tokenizer.get_vocab_size()} pieces; its files belong to different models"
            )
        return tokenizer

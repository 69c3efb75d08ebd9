"""A static model as a sentence-transformers and model2vec folder, written without torch."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import EncoderError

__all__ = ["export_sentence_transformers"]

#: The layout that sentence-transformers wrote when it first had static models: every release
#: since then reads it, and so does model2vec.
_STATIC, _NORMALIZE = "0_StaticEmbedding", "1_Normalize"
_KEY = "embedding.weight"

_DOCUMENTS: dict[str, Any] = {
    "modules.json": [
        {
            "idx": place,
            "name": str(place),
            "path": path,
            "type": f"sentence_transformers.models.{path[2:]}",
        }
        for place, path in enumerate((_STATIC, _NORMALIZE))
    ],
    "config_sentence_transformers.json": {
        "__version__": {},
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
        "normalize": True,  # read by model2vec
    },
}


def export_sentence_transformers(encoder: StaticEncoder, folder: str | Path) -> None:
    """Write the model so that sentence-transformers and model2vec load it.

    The mean over pieces that sentence-transformers takes has the direction of our sum, so the
    normalised vectors are the same. Files of an earlier export are replaced.

    Args:
        encoder: the model; its vectors are written as float32, 4 bytes a component.
        folder: created if missing.

    Raises:
        EncoderError: the model is damaged, or the folder can't be written.
    """
    target = Path(folder)
    vectors = encoder.dequantised()
    tokenizer = Tokenizer.from_str(encoder.tokenizer.to_str())
    # Our encoder reads so many pieces of a long text; the exported model must too.
    tokenizer.enable_truncation(max_length=encoder.max_tokens)
    try:
        for part in (_STATIC, _NORMALIZE):
            (target / part).mkdir(parents=True, exist_ok=True)
        (target / _STATIC / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
        _write_safetensors(target / _STATIC / "model.safetensors", vectors)
        for name, content in _DOCUMENTS.items():
            (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise EncoderError(f"can't write the model to {target}: {error}") from error


def _write_safetensors(path: Path, vectors: NDArray[np.float32]) -> None:
    """Write one tensor: the header's length (8 bytes), the header (JSON), the values.

    All little-endian, the header padded with spaces to a multiple of 8.
    """
    values = np.ascontiguousarray(vectors, dtype="<f4")
    entry = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}
    header = json.dumps({"__metadata__": {"format": "pt"}, _KEY: entry}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)))
        stream.write(header)
        stream.write(values.data)

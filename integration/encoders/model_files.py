"""A digest of a sentence-transformers model: of its files, or of its weights in memory."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opensearch_clir.errors import EncoderError

__all__ = ["files_digest", "weights_digest"]

#: Files beside the weights that change a vector. Versions and prompts in
#: ``config_sentence_transformers.json`` don't, or are counted elsewhere.
_SETTINGS = re.compile(
    r"(config|modules|sentence_bert_config|sentence_transformers_config|tokenizer|"
    r"tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|"
    r"vocab\.txt|merges\.txt|.*\.model"
)

#: Where the hub's cache keeps large files: under the SHA-256 of their content.
_CONTENT_NAME = re.compile(r"[0-9a-f]{64}")


def files_digest(folder: Path) -> str:
    """Return the hex SHA-256 of a model's weights, tokenizer and configuration files.

    Only the root and the folders in ``modules.json`` count, so that a copy with other formats of
    the same weights (ONNX, OpenVINO) has the same digest.

    Raises:
        EncoderError: the folder holds no weights, or a file can't be read.
    """
    try:
        files = [path for part in _parts(folder) for path in _files(folder / part)]
        if not any(path.suffix in {".safetensors", ".bin"} for path in files):
            raise EncoderError(f"no model weights (.safetensors or .bin) in {folder}")
        lines = sorted(f"{path.relative_to(folder).as_posix()} {_sha256(path)}" for path in files)
    except (OSError, ValueError) as error:
        raise EncoderError(f"can't read the model's files in {folder}: {error}") from error
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def weights_digest(state: dict[str, Any]) -> str:
    """Return the hex SHA-256 of a torch state dict: names, types, shapes and values."""
    import torch

    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        # Through uint8: numpy has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _parts(folder: Path) -> list[str]:
    modules = folder / "modules.json"
    if not modules.is_file():
        return ["."]
    paths = {str(module.get("path") or ".") for module in json.loads(modules.read_text("utf-8"))}
    return sorted({".", *paths})


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    names = sorted(path for path in folder.iterdir() if path.is_file())
    weights = [path for path in names if path.suffix == ".safetensors"]
    yield from weights or [path for path in names if path.match("pytorch_model*.bin")]
    yield from (path for path in names if _SETTINGS.fullmatch(path.name))


def _sha256(path: Path) -> str:
    if _CONTENT_NAME.fullmatch(path.resolve().name):
        return path.resolve().name
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()

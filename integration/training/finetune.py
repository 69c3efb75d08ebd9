"""Fine-tune a static model on a corpus of one's own: resumable, the base never far.

Only the rows of pieces that the corpus holds are moved; all others are the base's, rounded to eight
bits a component.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from opensearch_clir.encoders import static_files
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.encoders.static import StaticEncoder
from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import artefact, checkpoint, loop, own_corpus, static_model
from opensearch_clir.training.arrays import Floats, Ints
from opensearch_clir.training.checkpoint import State
from opensearch_clir.training.finetune_config import FineTuning
from opensearch_clir.training.losses import Anchor, Terms
from opensearch_clir.training.mixture import Mixture
from opensearch_clir.training.quantise import quantised
from opensearch_clir.training.sampling import Sampler
from opensearch_clir.training.static_model import Model, Optimiser
from opensearch_clir.training.tokenized import Tables, Tokens
from opensearch_clir.training.workspace import Report, claim_for

__all__ = ["tune", "tuned"]

#: Rows converted at once.
BLOCK = 16_384

#: Of the base's ``config.json``, what does not hold of the tuned model.
_OUTDATED = ("fingerprint", "cosine_unrelated", "name", "version", "seed", "base")


@dataclass(frozen=True)
class Corpus:
    """Pages of a corpus in pieces of their own numbering.

    Piece i of `tokens` is row ``pieces[i - 1]`` of the base; 0 is any without a vector.
    """

    tokens: Tokens
    tables: Tables
    pieces: Ints


def tune(config: FineTuning, out: Path, report: Report) -> None:
    """Fine-tune by the configuration and write the model's files to `out`.

    What `config.work` holds is reused. A run that goes on from a checkpoint ends with the same
    files as one that was never stopped, unless `config.minutes` limits it.

    Args:
        report: is given a row for each stage, and one every `config.every` steps.

    Raises:
        ConfigurationError: the base is no static model, or `work` was used with other settings.
        DataError: the corpus can't be read or is too small; a file in `work` is damaged.
        EncoderError: the base's files are missing or damaged.
        OSError: a folder can't be written.
    """
    encoder = _base(config.base)
    pieces, vectors = tuned(config, encoder, report)
    arrays = _arrays(encoder, pieces, vectors)
    kept = {name: value for name, value in encoder.config.items() if name not in _OUTDATED}
    base = {"name": encoder.config.get("name"), "fingerprint": encoder.fingerprint}
    facts = {"name": config.name, "version": config.version, **kept, "seed": config.seed}
    text = static_files.tokenizer_text(encoder.folder)
    artefact.put(out, arrays, text, {**facts, "base": base, "tuned_pieces": len(pieces)})


def _base(name: str) -> StaticEncoder:
    encoder = load_encoder(name)
    if not isinstance(encoder, StaticEncoder) or encoder.config.get("unknown_id", 0) != 0:
        raise ConfigurationError(
            f"base = {name!r} can't be fine-tuned here: name 'embedded' or the folder of a static "
            "model made by `clir train`"
        )
    return encoder


def tuned(config: FineTuning, encoder: StaticEncoder, report: Report) -> tuple[Ints, Floats]:
    """Return the pieces of the corpus (P,) and their new vectors (P, d).

    Raises:
        ConfigurationError: `work` was used with other settings.
        DataError: the corpus can't be read or is too small; a file in `work` is damaged.
    """
    claim_for(config.work, _settings(config, encoder))
    corpus = _corpus(config, encoder, report)
    base = _rows(encoder, corpus.pieces)
    mixture = Mixture({"pages": 1.0}, same_page=config.same_page, window=config.window)
    sampler = Sampler(corpus.tables, mixture, config.seed)
    saved = config.work / "checkpoint.npz"
    state = checkpoint.load(saved)
    if state is None:
        length = np.linalg.norm(base, axis=1)
        safe = np.where(length > 0, length, 1).astype(np.float32)
        state = State(Model(base / safe[:, None], np.log(safe)), Optimiser(len(base)))
    report(loop.figures(state, deque()))
    terms = Terms(anchor=Anchor(base, config.pull) if config.pull else None)
    for losses in loop.steps(config, state, sampler, corpus.tokens, saved, terms):
        report(loop.figures(state, losses))
    mixed = (1 - config.keep) * static_model.folded(state.model) + config.keep * base
    return corpus.pieces, mixed[1:].astype(np.float32)


def _settings(config: FineTuning, encoder: StaticEncoder) -> dict[str, Any]:
    """Return what the content of `config.work` depends on."""
    try:
        digest = hashlib.sha256(config.corpus.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"the corpus {config.corpus} can't be read: {error.strerror}") from error
    names = ("seed", "title", "text", "copies")
    return {
        "base": encoder.fingerprint,
        "corpus": digest,
        **{name: getattr(config, name) for name in names},
    }


def _rows(encoder: StaticEncoder, pieces: Ints) -> Floats:
    """Return the base's vectors of pieces (P,) after a zero row: (P + 1, d)."""
    rows: Floats = encoder.rows.take(pieces.astype(np.intp)) * encoder.scales[pieces, None]
    return np.concatenate([np.zeros((1, rows.shape[1]), np.float32), rows])


def _corpus(config: FineTuning, encoder: StaticEncoder, report: Report) -> Corpus:
    """Return the pages of the corpus, read and cut first if `work` lacks them."""
    path = config.work / "corpus.npz"
    if not path.exists():
        made = _made(config, encoder, report)
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            ids=made.tokens.ids,
            starts=made.tokens.starts,
            parts=made.tables.parts,
            pages=made.tables.pages,
            files=np.array(made.tables.files),
            pieces=made.pieces,
        )
        part.replace(path)
    try:
        with np.load(path) as saved:
            tables = Tables(saved["files"].tolist(), parts=saved["parts"], pages=saved["pages"])
            return Corpus(Tokens(saved["ids"], saved["starts"]), tables, saved["pieces"])
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise DataError(f"{path} is damaged ({error}); delete it to have it made anew") from error


def _made(config: FineTuning, encoder: StaticEncoder, report: Report) -> Corpus:
    found, refused = own_corpus.documents(config.corpus, config.title, config.text)
    report(own_corpus.told(found, refused))
    texts, tables = own_corpus.pages(found, config.copies)
    ids = list(encoder.token_ids(texts))
    if config.copies:
        report({"stage": "translations"})
        flat = np.fromiter((i for row in ids for i in row), np.int64)
        near = own_corpus.near_pieces(encoder, flat)
        rng = np.random.default_rng(config.seed)
        plain = list(ids)
        for _ in range(config.copies):
            ids += own_corpus.switched_ids(plain, near, rng)
    flat = np.fromiter((i for row in ids for i in row), np.int64)
    pieces = np.unique(flat)
    pieces = pieces[encoder.scales[pieces] > 0]
    number = np.zeros(len(encoder.scales), np.uint32)
    number[pieces] = np.arange(1, len(pieces) + 1)
    starts = np.cumsum([0, *map(len, ids)])
    return Corpus(Tokens(number[flat], starts), tables, pieces)


def _arrays(encoder: StaticEncoder, pieces: Ints, vectors: Floats) -> dict[str, NDArray[Any]]:
    """Return the base's rows with those of `pieces` (P,) replaced by `vectors` (P, d), as bytes.

    Codes would swallow half of what was learned: most rows move by less than the codes' error.
    """
    size, dimension = len(encoder.scales), encoder.dimension
    weights, scales = np.empty((size, dimension), np.int8), np.empty(size, np.float16)
    number = np.full(size, -1)
    number[pieces] = np.arange(len(pieces))
    for start in range(0, size, BLOCK):
        part = slice(start, start + BLOCK)
        rows = encoder.rows.take(part) * encoder.scales[part, None]
        moved = number[part] >= 0
        rows[moved] = vectors[number[part][moved]]
        weights[part], scales[part] = quantised(rows)
    return {"weights": weights, "scales": scales}

"""The folder of a run: vocabulary, token cache and checkpoint, made once and then reused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from tokenizers import Tokenizer

from opensearch_clir.errors import ConfigurationError, DataError
from opensearch_clir.training import tokenized, vocabulary, whole_words
from opensearch_clir.training.config import Config
from opensearch_clir.training.tokenized import Tables, Tokens

__all__ = ["Report", "claim", "claim_for", "token_cache", "vocabulary_of"]

#: Takes a row of progress figures.
Report = Callable[[Mapping[str, Any]], None]

#: Settings that what is in the folder was made with. Others may change from one leg to the next.
FIXED = (
    "seed",
    "vocabulary",
    "vocabulary_texts",
    "vocabulary_exponent",
    "whole_words",
    "dimension",
    "teacher",
    "start",
    "sif",
)

Result = TypeVar("Result")


def claim(config: Config) -> None:
    """Make the folder `config.work`, or check that it was made with the same settings.

    Raises:
        ConfigurationError: it can't be made, or holds work done with other settings.
    """
    settings = asdict(config)
    claim_for(config.work, {name: settings[name] for name in FIXED})


def claim_for(work: Path, settings: Mapping[str, Any]) -> None:
    """Make a folder for work with these settings, or check that it was made with the same.

    Raises:
        ConfigurationError: it can't be made, or holds work done with other settings.
    """
    path = work / "settings.json"
    try:
        work.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"can't work in the folder {work}: {error}") from error
    changed = [name for name, value in settings.items() if found.get(name) != value]
    if changed:
        raise ConfigurationError(
            f"{work} holds work done with another {', '.join(changed)}; "
            "name another `work` folder, or empty this one to start anew"
        )


def vocabulary_of(config: Config, report: Report) -> Tokenizer:
    """Return the tokenizer, learned first if the folder lacks it.

    Raises:
        ConfigurationError: there is no data folder, or the vocabulary is too small for it.
        DataError: a corpus file is malformed, there is no text, or the saved file is damaged.
    """
    path = config.work / "tokenizer.json"
    if not path.exists():
        report({"stage": "vocabulary", "pieces": config.vocabulary})
        texts = vocabulary.texts_by_language(config.data, *config.more)
        sample = list(
            vocabulary.balanced(
                texts, config.vocabulary_texts, config.vocabulary_exponent, config.seed
            )
        )
        learned = _interruptible(lambda: vocabulary.learn(sample, config.vocabulary))
        if config.whole_words:
            report({"stage": "words", "pieces": config.whole_words})
            counts = {lang: whole_words.counted(rows) for lang, rows in texts.items()}
            words = whole_words.chosen(counts, learned, config.whole_words)
            learned = whole_words.added(learned, words)
        part = config.work / ".tokenizer.json.part"
        learned.save(str(part), pretty=False)
        part.replace(path)
    try:
        return Tokenizer.from_file(str(path))
    # The library raises nothing more specific than Exception for a malformed file.
    except Exception as error:
        raise DataError(f"{path} can't be read: {error}; empty {config.work}") from error


def token_cache(config: Config, tokenizer: Tokenizer, report: Report) -> tuple[Tokens, Tables]:
    """Return the tokenised corpora, made first if the folder lacks them.

    They are made anew where an earlier version made them, or with other `switched_rows`.

    Raises:
        ConfigurationError: there is no data folder.
        DataError: a corpus file is malformed, there is no text, or the cache is damaged.
    """
    cache = config.work / "tokens"
    # One of an earlier version lacks tables, one of other settings rows: they are made anew.
    if not tokenized.is_current(cache, config.switched_rows, config.more):
        report({"stage": "tokens"})
        tokenized.build(
            config.data, tokenizer, cache, config.switched_rows, config.seed, config.more
        )
    return tokenized.load(cache)


def _interruptible(work: Callable[[], Result]) -> Result:
    """Return what `work` returns; Ctrl-C stops the waiting and abandons the work.

    A call into a compiled library would otherwise hold Ctrl-C back until it is done.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  (raised by the caller)
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result()

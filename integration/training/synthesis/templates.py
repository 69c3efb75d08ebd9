"""Prompts by task and by language of query and passage, ours or the user's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal, get_args

from opensearch_clir.errors import ConfigurationError
from opensearch_clir.languages import LANGUAGES

__all__ = ["TASKS", "Prompt", "Task", "Templates"]

#: Kinds of queries.
Task = Literal["question", "keywords", "title", "paraphrase"]
TASKS: tuple[Task, ...] = get_args(Task)

SYSTEM = "system"

#: What a template may hold.
PLACES = ("passage", "passage_language", "query_language", "count")


@dataclass(frozen=True)
class Prompt:
    """What is sent, and the digest of the template that it was made from."""

    messages: tuple[Mapping[str, str], ...]
    template: str


class Templates:
    """Templates by name, the user's before ours.

    A template for a task is looked for, from the most special on, as ``TASK.QUERY-PASSAGE``
    (language codes), ``TASK.QUERY``, ``TASK.same`` or ``TASK.cross``, and ``TASK``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Read the packaged templates and those of a folder, files ``NAME.txt``.

        Raises:
            ConfigurationError: no such folder, or one of its files has a name that nothing looks
                for, is not UTF-8, or lacks a place or has an unknown one.
        """
        ours = Path(__file__).parent / "prompts"
        self._texts = {path.stem: path.read_text(encoding="utf-8") for path in ours.glob("*.txt")}
        self._texts.update({} if folder is None else _read(folder))

    def prompt(self, task: Task, query_lang: str, lang: str, passage: str, count: int) -> Prompt:
        """Return the messages that ask for queries in one language about a passage in another."""
        text = self._texts[self._name(task, query_lang, lang)]
        asked = Template(text).substitute(
            passage=passage,
            passage_language=_named(lang),
            query_language=_named(query_lang),
            count=count,
        )
        system = self._texts[SYSTEM]
        messages = ({"role": "system", "content": system}, {"role": "user", "content": asked})
        digest = hashlib.sha256(f"{system}\0{text}".encode()).hexdigest()[:16]
        return Prompt(messages, digest)

    def _name(self, task: Task, query_lang: str, lang: str) -> str:
        names = (
            f"{task}.{query_lang}-{lang}",
            f"{task}.{query_lang}",
            f"{task}.{'same' if query_lang == lang else 'cross'}",
            task,
        )
        return next(name for name in names if name in self._texts)


def _named(code: str) -> str:
    return LANGUAGES[code].name


def _read(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise ConfigurationError(f"no such folder of templates: {folder}")
    found: dict[str, str] = {}
    problems: list[str] = []
    for path in sorted(folder.glob("*.txt")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path.name} can't be read ({error})")
            continue
        problem = _problem(path.stem, text)
        if problem:
            problems.append(f"{path.name} {problem}")
        found[path.stem] = text
    if problems:
        raise ConfigurationError(f"templates in {folder}: {'; '.join(problems)}")
    return found


def _problem(name: str, text: str) -> str | None:
    """Return what is wrong with a template, if anything."""
    if name == SYSTEM:
        return None if text.strip() else "is empty"
    task, _, pair = name.partition(".")
    codes = "|".join(LANGUAGES)
    if task not in TASKS or not re.fullmatch(rf"|same|cross|({codes})(-({codes}))?", pair):
        return (
            "is a name that is not looked for: use system, TASK, TASK.same, TASK.cross, "
            f"TASK.xx or TASK.xx-yy, TASK being one of {', '.join(TASKS)}"
        )
    try:
        Template(text).substitute(dict.fromkeys(PLACES, ""))
    except KeyError as error:
        return f"has the unknown place ${error.args[0]}; known are ${', $'.join(PLACES)}"
    except ValueError as error:
        return f"is no template: {error} (a dollar sign is written $$)"
    lacks = [place for place in PLACES[:1] if not re.search(rf"\$(\{{{place}\}}|{place}\b)", text)]
    return f"lacks ${lacks[0]}" if lacks else None

"""HTML built from escaped parts: what is not `Html` already can't become markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from opensearch_clir.languages import LANGUAGES

__all__ = ["Html", "Node", "direction", "lines", "tag", "text_in"]

_VOID = frozenset({"br", "meta", "line", "circle", "rect"})
_RIGHT_TO_LEFT = frozenset({"Arab", "Hebr"})


class Html(str):
    """Markup that is inserted as it is."""

    __slots__ = ()


Node: TypeAlias = "Html | str | int | float | Iterable[Node] | None"


def tag(name: str, /, *children: Node, **attributes: str | float | bool | None) -> Html:
    """Return an element; text and attribute values are escaped.

    Args:
        name: of the element, such as ``td``.
        children: text, numbers, `Html`, nested iterables of them; None is nothing.
        attributes: ``class_`` for ``class``, ``data_x`` for ``data-x``; None and False leave the
            attribute out, True writes its name alone.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>" if name in ("br", "meta") else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{_inner(children)}</{name}>")


def lines(*parts: Html) -> Html:
    """Return elements one under the other."""
    return Html("\n".join(parts))


def direction(language: str) -> str:
    """Return ``rtl``, ``ltr``, or ``auto`` for a language code that is not known."""
    known = LANGUAGES.get(language)
    if known is None:
        return "auto"
    return "rtl" if known.script in _RIGHT_TO_LEFT else "ltr"


def text_in(language: str, *children: Node, element: str = "span", class_: str = "text") -> Html:
    """Return an element with text of a language, written in its direction."""
    return tag(
        element, *children, class_=class_, lang=language or None, dir=direction(language or "und")
    )


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _inner(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Html):
        return node
    if isinstance(node, (str, int, float)):
        # A lone surrogate from a JSON escape could not be written as UTF-8.
        return escape(str(node).encode("utf-8", "replace").decode("utf-8"))
    return "".join(_inner(child) for child in node)

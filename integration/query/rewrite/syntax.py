"""Which texts are plain words: no operators, no wildcards, no identifiers."""

from __future__ import annotations

import re

__all__ = ["plain_lucene", "plain_simple", "says_something"]

#: Characters that Lucene's query syntax reads as something else than text, wherever they stand.
_LUCENE = re.compile(r'[!(){}\[\]^"~*?:\\/]|&&|\|\||(?:^|\s)[-+<>=]|(?:^|\s)(?:AND|OR|NOT)(?:\s|$)')

#: The same of ``simple_query_string``; a minus is one at the start of a word only.
_SIMPLE = re.compile(r'[+|"*()~\\]|(?:^|\s)-')

#: A question mark that ends a sentence: people type questions, and one behind a word would be a
#: wildcard for a single character.
_QUESTION = re.compile(r"(?<=\S)\s*\?(?=\s*$)")

#: Words of a text whose only question mark is taken for one of a question.
_SENTENCE = 3

#: A word: letters, with marks, apostrophes and hyphens between them.
_WORD = re.compile(
    r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff\u0e30-\u0e4e'’\-.])*[,.;:!?…]*$"
)


def plain_lucene(text: str) -> bool:
    """Whether a text of ``query_string`` has no syntax of Lucene's in it.

    A sentence of three or more words may end with a question mark.
    """
    if len(text.split()) >= _SENTENCE:
        text = _QUESTION.sub("", text)
    return _LUCENE.search(text) is None


def plain_simple(text: str) -> bool:
    """Whether a text of ``simple_query_string`` has no operator in it."""
    return _SIMPLE.search(text) is None


def says_something(text: str) -> bool:
    """Whether a text has a word, rather than only numbers, codes, addresses or identifiers.

    Only words have a meaning that another language can have words for; what is none is looked for
    as it stands.
    """
    return any(_WORD.match(token.strip("\"'“”„«»‘’()[]¿¡")) for token in text.split())

"""The name of a way to debias, as a user writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from opensearch_clir.errors import ConfigurationError

__all__ = ["MAX_RANK", "METHODS", "Method"]

Kind = Literal["none", "centre", "shift", "lir"]

#: As in the help.
METHODS = "none, centre, shift or lir:R"

#: Directions that LIR may remove; what little it gains is gained by the first few.
MAX_RANK = 32

_LIR = re.compile(r"^lir:([1-9][0-9]?)$")


@dataclass(frozen=True)
class Method:
    """One way to debias.

    Attributes:
        kind: ``centre`` subtracts the mean vector of the text's language; ``shift`` also adds the
            mean over languages; ``lir`` projects out the language's first principal directions
            (Yang, Yang, Cer, Darve 2021: "A Simple and Effective Method to Eliminate the Self
            Language Bias in Multilingual Representations").
        rank: directions that ``lir`` removes, 1 to `MAX_RANK`; 0 for all others.
    """

    kind: Kind
    rank: int = 0

    @classmethod
    def parse(cls, text: str) -> Method:
        """Read ``none``, ``centre``, ``shift`` or ``lir:2``.

        Raises:
            ConfigurationError: none of them.
        """
        name = text.strip().lower()
        plain: tuple[Kind, ...] = ("none", "centre", "shift")
        for kind in plain:
            if name == kind:
                return cls(kind)
        found = _LIR.match(name)
        if found is None or int(found[1]) > MAX_RANK:
            raise ConfigurationError(
                f"unknown debiasing {text!r}: write {METHODS}, with R from 1 to {MAX_RANK}"
            )
        return cls("lir", int(found[1]))

    def __str__(self) -> str:
        return f"lir:{self.rank}" if self.kind == "lir" else self.kind

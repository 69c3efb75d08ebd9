"""What an index knows about its own enrichment, as stored in the mapping's ``_meta.clir``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from opensearch_clir.errors import IndexStateError
from opensearch_clir.index_templates.fields import Fields
from opensearch_clir.language.base import DOCUMENT_DETECTOR

__all__ = ["META_KEY", "DebiasReference", "Generation", "IndexSchema", "SourceField"]

#: Key under ``_meta`` of the index mapping.
META_KEY = "clir"

#: Version of the layout below; readers refuse a newer one.
SCHEMA_VERSION = 1

_SOURCE_FIELD = re.compile(r"^(?P<name>[^\s^]+?)(?:\^(?P<boost>[1-9]))?$")


@dataclass(frozen=True)
class SourceField:
    """A field of the user's that is embedded and analysed.

    Attributes:
        name: path in the document; dots reach into objects.
        boost: whole number 1 to 9; the words of the field count that many times, as in BM25F
            with integer weights (Robertson, Zaragoza, Taylor 2004).
    """

    name: str
    boost: int = 1

    @classmethod
    def parse(cls, text: str) -> SourceField:
        """Read ``title`` or ``title^3``.

        Raises:
            ValueError: not of that form.
        """
        match = _SOURCE_FIELD.match(text)
        if match is None:
            raise ValueError(f"{text!r} is no field: write NAME or NAME^BOOST, boost 1 to 9")
        return cls(match["name"], int(match["boost"] or 1))

    def __str__(self) -> str:
        return self.name if self.boost == 1 else f"{self.name}^{self.boost}"


@dataclass(frozen=True)
class DebiasReference:
    """Which debiasing a generation has; its arrays are kept apart, under the generation's id.

    Attributes:
        method: ``centre``, ``shift`` or ``lir:R``.
        digest: hex SHA-256 of all that it changes a vector by.
    """

    method: str
    digest: str


@dataclass(frozen=True)
class Generation:
    """One kind of vector: all that changes a vector, under a short id.

    Attributes:
        id: short hex id, part of the field name.
        encoder: name of the encoder as in the settings.
        fingerprint: the encoder's.
        dimension: length of a vector.
        query_prompt, passage_prompt: what the encoder puts before a text, if anything.
        background: location and scale of the cosine of unrelated texts for ``matching`` and
            ``non_matching`` languages, each ``(location, scale)`` with scale > 0.
        indexed: whether a k-NN graph exists (false: scored by script, every document).
        debias: what is done to a vector after the encoder made it; None: nothing.
    """

    id: str
    encoder: str
    fingerprint: str
    dimension: int
    background: Mapping[str, tuple[float, float]]
    query_prompt: str | None = None
    passage_prompt: str | None = None
    indexed: bool = True
    debias: DebiasReference | None = None

    @property
    def label(self) -> str:
        """How messages call it."""
        return repr(self.encoder) + (f" debiased by {self.debias.method}" if self.debias else "")


@dataclass(frozen=True)
class IndexSchema:
    """Everything a writer or a reader must know about one managed index.

    Attributes:
        fields: the user's fields that are embedded and analysed.
        languages: codes with a field of their own, in order.
        analyzers: analyzer by language code.
        generations: by id.
        active: id of the generation that queries use.
        bm25_constant: factor c of the server's BM25 (2.2 where ``k1 + 1`` is part of the score).
        lang_field: the user's own language tag, if documents carry one.
        group_field: the user's own translation group, if documents carry one.
        detector: name of the language detector for documents.
        lang_threshold: posterior at which a language counts as one of the document's.
        namespace: name of our object in the documents.
        entities: whether the index has the field of entities; one of an earlier version gets it by
            `clir setup`.
        lexicon: id of the vocabulary whose pieces are indexed; None in an index set up before
            there was one.
    """

    fields: tuple[SourceField, ...]
    languages: tuple[str, ...]
    analyzers: Mapping[str, str]
    generations: Mapping[str, Generation]
    active: str
    bm25_constant: float = 2.2
    lang_field: str | None = None
    group_field: str | None = None
    detector: str = DOCUMENT_DETECTOR
    lang_threshold: float = 0.25
    namespace: str = "clir"
    version: int = field(default=SCHEMA_VERSION)
    entities: bool = True
    lexicon: str | None = None

    @property
    def names(self) -> Fields:
        """Names of our fields in this index."""
        return Fields(self.namespace)

    @property
    def generation(self) -> Generation:
        """The active generation."""
        return self.generations[self.active]

    @property
    def vector_field(self) -> str:
        """Path of the active vectors."""
        return self.names.vector(self.active)

    @property
    def head_fields(self) -> tuple[str, ...]:
        """Names of the source fields that say what a document is about.

        Those with a boost, or else the first of several; none where there is one field only.
        """
        if len(self.fields) == 1:
            return ()
        boosted = tuple(f.name for f in self.fields if f.boost > 1)
        return boosted or (self.fields[0].name,)

    def with_constant(self, bm25_constant: float) -> IndexSchema:
        """The same schema with the BM25 constant as measured on the server."""
        return replace(self, bm25_constant=bm25_constant)

    def to_meta(self) -> dict[str, Any]:
        """Return the JSON value for ``_meta.clir``."""
        return {
            "version": self.version,
            "namespace": self.namespace,
            "fields": [str(f) for f in self.fields],
            "languages": list(self.languages),
            "analyzers": dict(self.analyzers),
            "active": self.active,
            "generations": {
                g.id: {
                    "encoder": g.encoder,
                    "fingerprint": g.fingerprint,
                    "dimension": g.dimension,
                    "query_prompt": g.query_prompt,
                    "passage_prompt": g.passage_prompt,
                    "indexed": g.indexed,
                    "background": {k: list(v) for k, v in g.background.items()},
                    **({"debias": asdict(g.debias)} if g.debias else {}),
                }
                for g in self.generations.values()
            },
            "bm25_constant": self.bm25_constant,
            "lang_field": self.lang_field,
            "group_field": self.group_field,
            "detector": self.detector,
            "lang_threshold": self.lang_threshold,
            "entities": self.entities,
            "lexicon": self.lexicon,
        }

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any], index: str) -> IndexSchema:
        """Read ``_meta.clir`` of the index called `index` (for messages only).

        Raises:
            IndexStateError: written by a newer version of this package, or damaged.
        """
        if meta.get("version") != SCHEMA_VERSION:
            raise IndexStateError(
                f"index {index!r} was set up by another version of this package (layout "
                f"{meta.get('version')!r}, this one reads {SCHEMA_VERSION}): "
                "upgrade opensearch-clir"
            )
        try:
            generations = {
                gid: Generation(
                    id=gid,
                    encoder=g["encoder"],
                    fingerprint=g["fingerprint"],
                    dimension=g["dimension"],
                    query_prompt=g["query_prompt"],
                    passage_prompt=g["passage_prompt"],
                    indexed=g["indexed"],
                    background={k: (v[0], v[1]) for k, v in g["background"].items()},
                    debias=DebiasReference(**g["debias"]) if g.get("debias") else None,
                )
                for gid, g in meta["generations"].items()
            }
            schema = cls(
                fields=tuple(SourceField.parse(f) for f in meta["fields"]),
                languages=tuple(meta["languages"]),
                analyzers=dict(meta["analyzers"]),
                generations=generations,
                active=meta["active"],
                bm25_constant=meta["bm25_constant"],
                lang_field=meta["lang_field"],
                group_field=meta["group_field"],
                detector=meta["detector"],
                lang_threshold=meta["lang_threshold"],
                namespace=meta["namespace"],
                entities=meta.get("entities", False),
                lexicon=meta.get("lexicon"),
            )
            generations[schema.active]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise IndexStateError(
                f"the set-up stored in index {index!r} is damaged ({error!r}): "
                f"run `clir setup {index}` again"
            ) from error
        return schema

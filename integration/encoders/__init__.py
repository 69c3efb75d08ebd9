"""Texts to vectors: the embedded static model, or any sentence-transformers model."""

from __future__ import annotations

from opensearch_clir.encoders.base import Encoder, Role, Vectors, encode
from opensearch_clir.encoders.registry import load_encoder
from opensearch_clir.encoders.static import StaticEncoder

__all__ = ["Encoder", "Role", "StaticEncoder", "Vectors", "encode", "load_encoder"]

"""An encoder together with the debiasing of a vector generation."""

from __future__ import annotations

from collections.abc import Sequence

from opensearch_clir.debias.transform import Debias
from opensearch_clir.encoders.base import Encoder, Role, Vectors, encode
from opensearch_clir.errors import GenerationMismatchError
from opensearch_clir.index_templates.schema import Generation
from opensearch_clir.language.base import LanguagePosterior

__all__ = ["GenerationEncoder", "check_debias", "encode_in"]


class GenerationEncoder:
    """An encoder that carries a debiasing; `encode_in` applies it.

    `encode` gives the plain vectors, as the languages of the texts are not known to it.

    Attributes:
        plain: the encoder itself.
        debias: of the generation.
    """

    def __init__(self, plain: Encoder, debias: Debias) -> None:
        """Join the two.

        Raises:
            GenerationMismatchError: they have different dimensions.
        """
        if plain.dimension != debias.dimension:
            raise GenerationMismatchError(
                f"the debiasing is for vectors of {debias.dimension} components, encoder "
                f"{plain.name!r} makes {plain.dimension}: use the encoder it was fitted with"
            )
        self.plain = plain
        self.debias = debias

    @property
    def name(self) -> str:
        """The encoder's."""
        return self.plain.name

    @property
    def dimension(self) -> int:
        """The encoder's."""
        return self.plain.dimension

    @property
    def fingerprint(self) -> str:
        """The encoder's: the debiasing has a digest of its own."""
        return self.plain.fingerprint

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        """Return plain vectors, as the encoder does."""
        return self.plain.encode(texts, role)


def encode_in(
    encoder: Encoder, texts: Sequence[str], role: Role, posteriors: Sequence[LanguagePosterior]
) -> Vectors:
    """Encode texts of known languages, debiased if the encoder carries a debiasing.

    Args:
        encoder: with or without.
        texts: n of them.
        role: of the texts.
        posteriors: their languages, n of them.

    Returns:
        Float32 array of shape (n, dimension); rows have length 1, or are all zeros where the model
        knows nothing in the text, or nothing but its language.

    Raises:
        EncoderError: the encoder returned unusable vectors.
    """
    vectors = encode(encoder, texts, role)
    if isinstance(encoder, GenerationEncoder):
        return encoder.debias.apply(vectors, posteriors)
    return vectors


def check_debias(generation: Generation, encoder: Encoder) -> None:
    """Refuse an encoder that does not debias as the generation's vectors are.

    Raises:
        GenerationMismatchError: with the remedy.
    """
    carried = encoder.debias if isinstance(encoder, GenerationEncoder) else None
    found = carried.digest if carried is not None and carried.method.kind != "none" else None
    wanted = generation.debias.digest if generation.debias is not None else None
    if found != wanted:
        has = f"debiased by {generation.debias.method}" if generation.debias else "not debiased"
        raise GenerationMismatchError(
            f"the index's active vectors (generation {generation.id}) are {has}, those made here "
            "would differ: open the encoder with `debias.store.with_debias(client, …)`"
        )

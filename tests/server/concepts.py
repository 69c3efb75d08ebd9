"""An encoder whose vectors can be worked out by hand: one dimension per concept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from opensearch_clir.encoders.base import Role, Vectors

#: Words of several languages by the concept they name.
CONCEPTS = {
    "reset": ("reset", "réinitialiser", "zurücksetzen", "リセット"),
    "refund": ("refund", "rembourser", "remboursement", "erstattung", "返金"),
    "machine": ("machine", "maschine", "マシン", "bmw"),
    "holiday": ("holiday", "congés", "urlaub", "休暇"),
}


class ConceptEncoder:
    """Counts concepts; a text without one gives the zero vector."""

    name = "concepts"
    dimension = len(CONCEPTS)

    def __init__(self, version: str = "1") -> None:
        self.fingerprint = hashlib.sha256(f"concepts {version}".encode()).hexdigest()

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        rows = [
            [sum(text.lower().count(word) for word in words) for words in CONCEPTS.values()]
            for text in texts
        ]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)


BACKGROUND = {"matching": (0.1, 0.2), "non_matching": (0.1, 0.2)}

DOCUMENTS = [
    {"id": "reset.en", "lang": "en", "text": "How to reset the machine to factory settings"},
    {"id": "reset.ja", "lang": "ja", "text": "マシンをリセットする方法"},
    {"id": "refund.en", "lang": "en", "text": "When does my refund arrive?"},
    {"id": "refund.fr", "lang": "fr", "text": "Le remboursement arrive sous dix jours"},
    {"id": "holiday.de", "lang": "de", "text": "Urlaub wird im Portal beantragt"},
    {"id": "holiday.fr", "lang": "fr", "text": "Les congés se demandent sur le portail"},
    {"id": "bmw.de", "lang": "de", "text": "Parkplatz 17 ist für den BMW i3 reserviert"},
    {"id": "emoji", "text": "🎉🎉 🚀"},
    {"id": "words.en", "lang": "en", "text": "Parking permits are printed at reception"},
]

"""Pieces of texts, their translations, and nearest neighbours in a vocabulary."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensearch_clir.encoders import StaticEncoder
from opensearch_clir.translation import Lexicon, embedded_lexicon, lexicon, neighbours
from opensearch_clir.translation.neighbours import LEAST_COSINE, Neighbours
from test_encoder_support import SENTENCES, train_tokenizer, write_model

ANY_TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=200),
    st.lists(st.sampled_from(SENTENCES), max_size=4).map(" ".join),
    st.sampled_from(
        ["", " ", "\0", "\ud800", "!?…。", "\u2581", "\u2581" * 99, "<unk>", "👩\u200d👩"]
    ),
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> StaticEncoder:
    return StaticEncoder.load(write_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def tiny(encoder: StaticEncoder) -> Lexicon:
    return Lexicon(encoder)


class TestPieces:
    """What a document is indexed by."""

    def test_distinct_in_order_without_punctuation(self, tiny: Lexicon) -> None:
        once, twice = tiny.pieces(["The sea, the sand.", "The sea, the sand. The sea: sand!"])
        assert once == twice
        assert len(once) == len(set(once))
        assert all(any(c.isalnum() for c in piece) for piece in once)
        tokens = train_tokenizer().encode("The sea, the sand.", add_special_tokens=False).tokens
        known = [p for p in tokens if p != "<unk>" and any(c.isalnum() for c in p)]
        assert once == list(dict.fromkeys(known))

    def test_each_text_by_itself(self, tiny: Lexicon) -> None:
        together = tiny.pieces([*SENTENCES, "", "!!!"])
        assert together == [tiny.pieces([text])[0] for text in [*SENTENCES, "", "!!!"]]
        assert together[-2:] == [[], []]
        assert tiny.pieces([]) == []

    def test_a_piece_without_a_vector_is_left_out(self, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "holes")
        scales = np.load(folder / "scales.npy")
        whole = Lexicon(StaticEncoder.load(folder)).pieces([SENTENCES[0]])[0]
        row = train_tokenizer().token_to_id(whole[0])
        scales[row] = 0
        np.save(folder / "scales.npy", scales)
        holed = Lexicon(StaticEncoder.load(folder))
        assert holed.pieces([SENTENCES[0]]) == [[p for p in whole if p != whole[0]]]
        assert whole[0] not in {p.piece for p in holed.translate(SENTENCES[0])}

    def test_no_more_than_the_cap(self, tiny: Lexicon, monkeypatch: pytest.MonkeyPatch) -> None:
        (whole,) = tiny.pieces([" ".join(SENTENCES)])
        monkeypatch.setattr(lexicon, "MAX_PIECES", 5)
        assert tiny.pieces([" ".join(SENTENCES)]) == [whole[:5]]

    def test_a_megabyte_costs_no_more_than_what_is_read(self) -> None:
        shared = embedded_lexicon()
        unit = "".join(f"word{n} Wort{n} слово{n} " for n in range(1000))
        shared.pieces([unit])
        seconds = []
        for size in (1 << 20, 1 << 22):
            text = (unit * (size // len(unit) + 1))[:size]
            started = time.perf_counter()
            (found,) = shared.pieces([text])
            seconds.append(time.perf_counter() - started)
            assert len(found) <= lexicon.MAX_PIECES
        assert max(seconds) < 2


class TestTranslate:
    """What a query is looked for by."""

    def test_shares_and_order(self, tiny: Lexicon) -> None:
        found = tiny.translate("The library opens at nine in the morning.")
        shares = [piece.share for piece in found]
        assert shares == sorted(shares, reverse=True)
        assert math.fsum(shares) == pytest.approx(1)
        check(tiny, "The library opens at nine in the morning.")

    def test_a_piece_weighs_by_its_vector_and_as_often_as_it_occurs(
        self, tiny: Lexicon, encoder: StaticEncoder
    ) -> None:
        lengths = np.linalg.norm(encoder.dequantised(), axis=1)
        ids = [i for i in next(encoder.token_ids(["the sea the"])) if i]
        assert len(set(ids)) < len(ids)
        raw = {i: lengths[i] ** lexicon.SHARPNESS * ids.count(i) for i in set(ids)}
        expected = {
            str(encoder.tokenizer.id_to_token(i)): w / sum(raw.values()) for i, w in raw.items()
        }
        words = {p: share for p, share in expected.items() if any(c.isalnum() for c in p)}
        scale = sum(words.values())
        found = {piece.piece: piece.share for piece in tiny.translate("the sea the")}
        assert found == pytest.approx({p: share / scale for p, share in words.items()}, rel=1e-4)

    def test_the_weightiest_of_a_long_query(
        self, tiny: Lexicon, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = " ".join(SENTENCES)
        whole = tiny.translate(text)
        monkeypatch.setattr(lexicon, "MAX_QUERY_PIECES", 4)
        short = tiny.translate(text)
        # Shares are of all the query says, so that what is cut off stays unfound.
        assert short == whole[:4]
        assert math.fsum(p.share for p in short) < 1

    def test_only_the_start_of_a_pasted_page_is_read(
        self, tiny: Lexicon, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lexicon, "MAX_QUERY_CHARACTERS", 7)
        assert tiny.translate("the sea" + " sand" * 9) == tiny.translate("the sea")

    def test_nothing_in_nothing_out(self, tiny: Lexicon) -> None:
        for text in ("", "  ", "!?", "ꙮ"):
            assert tiny.translate(text) == ()

    @settings(deadline=None)
    @given(text=ANY_TEXT)
    def test_any_text(self, tiny: Lexicon, text: str) -> None:
        check(tiny, text)

    @settings(deadline=None, max_examples=15)
    @given(text=ANY_TEXT)
    def test_any_text_in_the_embedded_vocabulary(self, text: str) -> None:
        check(embedded_lexicon(), text)


def check(given: Lexicon, text: str) -> None:
    """What every translation must be."""
    found = given.translate(text)
    assert math.fsum(piece.share for piece in found) <= 1 + 1e-9
    (pieces,) = given.pieces([text])
    assert len(found) <= lexicon.MAX_QUERY_PIECES
    assert {piece.piece for piece in found} <= set(pieces)
    for piece in found:
        assert 0 < piece.share <= 1
        assert piece.translations[0] == (piece.piece, 1.0)
        cosines = [cosine for _, cosine in piece.translations]
        assert cosines == sorted(cosines, reverse=True)
        assert LEAST_COSINE - 1e-6 <= cosines[-1] <= 1
        assert len({term for term, _ in piece.translations}) == len(cosines)
        assert len(cosines) <= neighbours.MAX_NEIGHBOURS


@pytest.mark.parametrize(
    ("word", "elsewhere"),
    [
        ("coffee", ["café", "Kaffee", "コーヒー", "кафе", "咖啡"]),
        ("water", ["Wasser", "agua", "вода", "水"]),
        ("travail", ["work", "Arbeit", "trabajo"]),
    ],
)
def test_words_are_near_their_translations(word: str, elsewhere: list[str]) -> None:
    shared = embedded_lexicon()
    near = {term for piece in shared.translate(word)[:1] for term, _ in piece.translations}
    for other in elsewhere:
        heaviest = shared.translate(other)[0].piece
        assert heaviest in near, f"{other}: {heaviest}"


class TestNeighbours:
    """Exact, bounded, safe to share."""

    @pytest.mark.parametrize("block", [7, 64, 16_384])
    def test_as_by_brute_force(
        self, encoder: StaticEncoder, block: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(neighbours, "BLOCK", block)
        vectors = encoder.dequantised().astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1)
        known = lengths > 0
        units = np.where(known[:, None], vectors / np.where(known, lengths, 1)[:, None], 0)
        asked = [5, 17, 5, len(vectors) - 1]
        for row, found in zip(asked, Neighbours(encoder).of(asked), strict=True):
            cosines = units @ units[row]
            expected = {
                encoder.tokenizer.id_to_token(int(i)): cosines[i]
                for i in np.flatnonzero(known & (cosines >= LEAST_COSINE))
            }
            assert len(expected) > 3
            assert dict(found) == pytest.approx(expected, abs=1e-5)
            values = [value for _, value in found]
            assert values == sorted(values, reverse=True)

    def test_the_best_where_there_are_more(
        self, encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (whole,) = Neighbours(encoder).of([9])
        monkeypatch.setattr(neighbours, "MAX_NEIGHBOURS", 3)
        assert Neighbours(encoder).of([9]) == [whole[:3]]

    def test_weights_are_the_lengths_of_the_vectors(self, encoder: StaticEncoder) -> None:
        expected = np.linalg.norm(encoder.dequantised(), axis=1)
        np.testing.assert_allclose(Neighbours(encoder).weights, expected, rtol=1e-5)
        assert expected[0] == 0

    def test_the_most_recent_are_kept_and_no_more(
        self, encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(neighbours, "CACHE", 3)
        monkeypatch.setattr(neighbours, "NAMED", 1)
        near = Neighbours(encoder)
        searched: list[int] = []
        search = near._search

        def noted(rows: Sequence[int]) -> Any:
            searched.extend(rows)
            return search(rows)

        monkeypatch.setattr(near, "_search", noted)
        near.of([1, 2, 3])
        near.of([1])
        near.of([4])
        assert (len(near._near), len(near._named)) == (3, 1)
        near.of([1, 3, 4])
        assert searched == [1, 2, 3, 4]
        near.of([2])
        assert searched == [1, 2, 3, 4, 2]
        # More at once than are kept: all are answered.
        assert len(near.of(list(range(1, 11)))) == 10
        assert (len(near._near), len(near._named)) == (3, 1)

    def test_threads_get_what_one_gets(
        self, encoder: StaticEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(neighbours, "CACHE", 8)
        monkeypatch.setattr(neighbours, "NAMED", 4)
        size = len(encoder.scales)
        asked = [[(n * 7 + k) % (size - 1) + 1 for k in range(4)] for n in range(60)]
        expected = [Neighbours(encoder).of(rows) for rows in asked]
        shared = Neighbours(encoder)
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(shared.of, asked * 3))
        # Which pieces are searched together decides the last digit of a cosine.
        for found, alone in zip(results, expected * 3, strict=True):
            for one, other in zip(found, alone, strict=True):
                assert one[0] == other[0]
                assert dict(one) == pytest.approx(dict(other), abs=1e-5)
        assert len(shared._near) <= 8
        assert len(shared._named) <= 4


class TestId:
    """Indexed pieces depend on the vocabulary alone."""

    def test_models_with_one_tokenizer_share_it(self, tiny: Lexicon, tmp_path: Path) -> None:
        folder = write_model(tmp_path / "other", compressed=False)
        rows = np.load(folder / "weights.npy")
        np.save(folder / "weights.npy", np.random.default_rng(8).permutation(rows))
        other = StaticEncoder.load(folder)
        assert not np.array_equal(other.dequantised(), tiny._encoder.dequantised())
        assert Lexicon(other).id == tiny.id
        assert len(tiny.id) == 8
        assert int(tiny.id, 16) >= 0

    def test_another_tokenizer_or_other_rules_change_it(
        self, tiny: Lexicon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = write_model(tmp_path / "smaller", compressed=False)
        text = train_tokenizer(300).to_str()
        (folder / "tokenizer.json").write_text(text, encoding="utf-8")
        assert Lexicon(StaticEncoder.load(folder)).id != tiny.id
        monkeypatch.setattr(lexicon, "RULES", lexicon.RULES + 1)
        assert Lexicon(tiny._encoder).id != tiny.id

    def test_the_embedded_one_is_one_for_the_process(self) -> None:
        assert embedded_lexicon() is embedded_lexicon()

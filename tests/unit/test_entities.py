"""Entities: what is taken, how it is spelled as a key, and what must not flood."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.entities import Entity, entities, entity_keys, rarity, total, trust, weighted
from opensearch_clir.entities.exact import MAX_KEY, number_key, word_key
from opensearch_clir.entities.extract import PASSAGE_KEYS, QUERY_ENTITIES, Role

#: Letters, marks and signs that make trouble: joiners, bidirectional marks, digits and joints.
AWKWARD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "aAéß.,-/:@'’ \n09४٣ト東한لاशि\u0301\u0316\u200d\u200f\u202e\u00ad\ud800👍"
        ),
    )
)


def found(text: str, role: Role = "passage") -> set[str]:
    return {entity.text for entity in entities(text, role)}


def shared(one: str, other: str) -> set[str]:
    return set(entity_keys(one, "query")) & set(entity_keys(other, "query"))


class TestSameKey:
    """Spellings of one entity share a key."""

    @pytest.mark.parametrize(
        "other", ["tokyo", "Токио", "Τόκιο", "トウキョウ", "とうきょう", "طوكيو", "ＴＯＫＹＯ"]
    )
    def test_tokyo(self, other: str) -> None:
        assert "~toki" in shared("Tokyo", other)

    @pytest.mark.parametrize(
        ("spellings", "key"),
        [
            (["GPT-4", "GPT 4", "GPT4", "gpt-4", "ＧＰＴ－４", "gpt 4"], "=gpt4"),
            (["ISO 9001", "ISO-9001", "iso 9001", "ISO9001"], "=iso9001"),
            (["BV-200", "BV200", "bv 200"], "=bv200"),
            (["HTTP/2", "http/2"], "=http2"),
            (["IPv6", "ipv6", "IPV6"], "=ipv6"),
            (["RFC 2616", "rfc2616"], "=rfc2616"),
            (["v2.19.1", "2.19.1", "V2.19.1", "固件2.19.1"], "=2.19.1"),
            (
                ["1,000", "1.000", "1 000", "1\u00a0000", "1'000", "१,०००", "１０００", "١٬٠٠٠"],
                "=1000",
            ),
            (["4,5", "4.5", "٤٫٥"], "=4.5"),
            (["0.125", "0,125"], "=0.125"),
            (["1.000,50", "1,000.50"], "=1000.50"),
            (
                ["https://www.Example.com/a", "example.com/a", "http://example.com/a/"],
                "=example.com/a",
            ),
            (["Me@Example.org", "me@example.org"], "=me@example.org"),
        ],
    )
    def test_codes(self, spellings: list[str], key: str) -> None:
        for spelling in spellings:
            assert key in entity_keys(f"x {spelling} y", "query"), spelling
            assert key in entity_keys(spelling, "query"), spelling

    @pytest.mark.parametrize("other", ["लूमो 2", "لومو 2", "Лумо 2", "lumo 2", "Lumo-2"])
    def test_name_with_number(self, other: str) -> None:
        assert shared("Lumo 2", other) & {"=lumo2", "~lomo2"}

    @pytest.mark.parametrize(
        ("name", "other"),
        [
            ("Leipzig", "Лейпциг"),
            ("Padilla", "باديلا"),
            ("Vlasov", "ולאסוב"),
            ("Anton", "안톤"),
            ("Barrington", "バリントン"),
            ("Molino", "मोलिनो"),
            ("Millicent", "米利森特"),
        ],
    )
    def test_names(self, name: str, other: str) -> None:
        assert shared(name, other)

    @pytest.mark.parametrize("other", ["Moskau", "Leipzig", "Kyoto", "東京"])
    def test_other_names_are_others(self, other: str) -> None:
        assert not shared("Tokyo", other)


class TestPassage:
    """What is taken from documents."""

    def test_names_codes_and_numbers(self) -> None:
        text = "The report came late. We flew to Tokyo with BMW and OpenSearch 2.19.1 for 180 days."
        assert found(text) == {"BMW", "OpenSearch", "OpenSearch 2.19.1", "2.19.1", "Tokyo", "180"}

    @pytest.mark.parametrize(
        "text",
        [
            "Returning Your Coffee Machine Before Christmas",
            "Please call us. Nothing happens. \u00abThings\u00bb went wrong: Maybe later.",
            "THE MACHINE DOES NOT START TODAY",
            "Die Maschine steht neben der Kanne, und das Wasser läuft in die Tasse auf dem Tisch.",
            "ordinary words without any mark of a name",
            "東京は日本の首都です",
            "これはたんなるひらがなです",
        ],
    )
    def test_ordinary_words_are_no_names(self, text: str) -> None:
        assert not found(text)

    def test_german_names(self) -> None:
        text = (
            "Das Paket kommt mit der Spedition aus Leipzig, und die Rechnung der Firma geht mit "
            "der Ware und dem Beleg an den Kunden, der die Kanne bei der Bestellung wollte."
        )
        assert found(text) == {"Leipzig"}

    def test_word_that_is_also_written_small_is_no_name(self) -> None:
        assert found("We saw the Team of our team in Oslo yesterday") == {"Oslo"}

    def test_latin_words_in_another_script_are_names(self) -> None:
        assert {"brew", "latte"} <= found(
            "запросите область brew или latte у вашего администратора"
        )
        assert "matter" in found("固件支持matter协议")

    def test_katakana(self) -> None:
        assert found("フィルターを洗う") == {"フィルター"}
        assert not found("カメ")

    def test_words_of_scripts_without_case(self) -> None:
        assert "لايبزيغ" in found("وصلت الطرود من لايبزيغ")
        assert "라이프치히" in found("라이프치히에서 보냅니다")
        assert not found("في من على")

    def test_most_informative_first_and_capped(self) -> None:
        text = "We met " + " and then there was also ".join(
            f"Na{chr(97 + i // 26)}{chr(97 + i % 26)}ko" for i in range(600)
        )
        keys = entity_keys(f"{text} about KX-410.")
        assert len(keys) == PASSAGE_KEYS
        assert keys[0] == "=kx410"


class TestQuery:
    """People type names in lower case."""

    def test_every_word_is_tried(self) -> None:
        kinds = {e.text: e.kind for e in entities("bmw tokyo error e17", "query")}
        assert kinds == {"bmw": "word", "tokyo": "word", "error": "word", "e17": "code"}

    def test_keys_are_those_of_the_passage(self) -> None:
        passage = {e.text: e.keys for e in entities("it is about Tokyo, BMW and KX-410 now")}
        query = {e.text: e.keys for e in entities("Tokyo BMW KX-410", "query")}
        assert passage == {text: query[text] for text in passage}

    def test_limit(self) -> None:
        many = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}x" for i in range(200))
        assert len(entities(many, "query")) == QUERY_ENTITIES


class TestAnyText:
    """Nothing raises, nothing takes more than linear time."""

    @given(AWKWARD)
    def test_keys_are_sound(self, text: str) -> None:
        for role in ("query", "passage"):
            keys = entity_keys(text, role)
            assert keys == entity_keys(text, role)
            assert len(set(keys)) == len(keys)
            assert all(2 <= len(key) <= MAX_KEY and key[0] in "=~^" for key in keys)
            assert all(key.isascii() and key == key.lower() for key in keys)

    @given(AWKWARD)
    def test_normal_forms_agree(self, text: str) -> None:
        composed = unicodedata.normalize("NFC", text)
        decomposed = unicodedata.normalize("NFD", text)
        assert entity_keys(composed) == entity_keys(decomposed)
        assert entity_keys(composed, "query") == entity_keys(decomposed, "query")

    @given(AWKWARD)
    def test_word_keys_are_idempotent(self, text: str) -> None:
        key = word_key(text)
        assert key is None or word_key(key[1:]) in (key, None)

    @given(st.integers(0, 10**12))
    def test_numbers_in_all_spellings(self, number: int) -> None:
        assert number_key(f"{number:,}") == number_key(str(number)) == f"={number}"

    @pytest.mark.parametrize(
        "unit",
        ["a", "aA", "a.", "a@", "a://", "A-b", "1,", "1.000.", "1 000 ", "BMW ",
         "Tokyo is in Rome ",
         "東", "ト", "ل", "لومو ", "क्", "한", "👍\u200d", "\u202ea", "a\u0301\u0316",
         "\u0301\u0316", "\ud800", " ", "\n", "१", "ก", "Name1x2 "],
    )  # fmt: skip
    @pytest.mark.parametrize("role", ["query", "passage"])
    def test_long_texts_take_linear_time(self, unit: str, role: Role) -> None:
        short, long = (unit * (size // len(unit)) for size in (60_000, 480_000))
        started = time.process_time()
        entities(short, role)
        middle = time.process_time()
        entities(long, role)
        # Eight times the text; quadratic work would take 64 times as long.
        assert time.process_time() - middle < 24 * (middle - started) + 0.5

    @pytest.mark.parametrize(
        "text", ["", " ", "a", "1", "👍", "\u200d", "\ud800", "\u202e", "東", "-"]
    )
    def test_next_to_nothing(self, text: str) -> None:
        assert entities(text) == ()
        assert entities(text, "query") == ()


class TestRarity:
    """Weights of a query's entities."""

    def test_rarity_falls_from_one_to_nothing(self) -> None:
        values = [rarity(1000, n) for n in (0, 1, 2, 10, 100, 201, 1000)]
        assert values[:2] == [1, 1]
        assert values == sorted(values, reverse=True)
        assert values[-2:] == [0, 0]
        assert rarity(0, 0) == 1
        assert rarity(1, 1) == 1
        assert 0 < rarity(10, 2) < 1

    def test_trust_orders_keys(self) -> None:
        keys = ["=kx410", "~lomo2", "~lomotibo", "~lomoti", "~lomo", "^lbsg"]
        values = [trust(key) for key in keys]
        assert values == sorted(values, reverse=True)
        assert len(set(values)) == len(values)

    def test_weights(self) -> None:
        parts = weighted(
            entities("KX-999 2024 tokyo nonsense", "query"),
            {"=2024": 50, "~toki": 2, "=tokyo": 1},
            100,
        )
        weights = {part.entity.text: part.weight for part in parts}
        assert weights == {"KX-999": 1.0, "999": 1.0, "tokyo": 0.5}
        keys = {part.entity.text: dict(part.keys) for part in parts}
        assert keys["KX-999"] == {}
        assert list(keys["tokyo"]) == ["=tokyo", "~toki"]
        assert total(parts) == 2.5

    def test_no_entity(self) -> None:
        assert weighted((), {}, 10) == ()
        assert total(()) == 1
        assert weighted([Entity("word", "word", ("=word",))], {}, 10) == ()

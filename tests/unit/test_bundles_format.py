from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from opensearch_clir.calibration.active import Active, check_conditions
from opensearch_clir.calibration.bend import STRAIGHT, Bend, Bends
from opensearch_clir.calibration.bundle import Bundle, Conditions, FittedOn, Trial
from opensearch_clir.calibration.parameters import PairPlace, builtin
from opensearch_clir.calibration.store import BUILTIN, Pointer
from opensearch_clir.errors import (
    ClusterAuthError,
    ClusterUnreachableError,
    DataError,
    GenerationMismatchError,
)
from opensearch_clir.index_templates.schema import SourceField
from query_cases import LEXICON, PARAMETERS, schema, schema_with_pieces

#: Checksum of `bundle()`, as the version before bends wrote it.
EARLIER = "e7828c4077eb68e2f0357ddd45d0c8cc1ef041b4d106e701a1a2fefe59f49766"


def bundle(**changes: Any) -> Bundle:
    values: dict[str, Any] = {
        "index": "kb",
        "created": "2026-01-31T12:00:00.000Z",
        "conditions": Conditions.of(schema()),
        "parameters": replace(PARAMETERS, pairs={"fr>en": PairPlace(0.1, 0.2, -0.5)}),
        "fitted_on": FittedOn("judgments", "mine", 50, 20, 90, ("en", "fr"), ("en",)),
        "chosen": "all weights, ridge 1",
        "trials": (Trial("leave alone", 0.4, 0.05, 0.01, 3.0, 0.5, 0.1),),
    }
    return Bundle(**{**values, **changes})


def test_a_bundle_survives_json() -> None:
    text = json.dumps(bundle().to_json())
    assert Bundle.from_json(json.loads(text)) == bundle()


def test_ids_differ_with_any_content() -> None:
    others = [
        bundle(created="2026-01-31T12:00:00.001Z"),
        bundle(parameters=PARAMETERS),
        bundle(index="kb2"),
    ]
    assert len({bundle().id, *(other.id for other in others)}) == 4


def test_a_bundle_of_before_there_were_bends_is_read() -> None:
    value = bundle().to_json()
    assert "bends" not in value["parameters"]
    assert "shown" not in value["trials"][0]
    assert value["checksum"] == EARLIER
    assert Bundle.from_json(value).parameters.bends == STRAIGHT


def test_bends_are_part_of_a_bundle() -> None:
    bends = Bends(-2.0, Bend(-1.5, 1.2, 0.6), Bend(-1.0, 0.8, 0.4))
    trial = Trial("leave alone, bend", 0.4, 0.0, 0.01, 3.0, 0.0, 0.1, 9.0, 0.0, 0.2)
    found = bundle(parameters=replace(PARAMETERS, bends=bends), trials=(trial,))
    assert Bundle.from_json(json.loads(json.dumps(found.to_json()))) == found
    value = found.to_json()
    value["parameters"]["bends"]["knot"] = -3.0
    with pytest.raises(DataError, match="checksum"):
        Bundle.from_json(value)


@pytest.mark.parametrize("key", ["parameters", "conditions", "fitted_on", "checksum", "trials"])
def test_a_truncated_bundle_is_refused(key: str) -> None:
    value = bundle().to_json()
    del value[key]
    with pytest.raises(DataError, match="damaged"):
        Bundle.from_json(value)


def test_an_edited_bundle_is_refused() -> None:
    value = bundle().to_json()
    value["parameters"]["own"] = 9.0
    with pytest.raises(DataError, match="checksum"):
        Bundle.from_json(value)
    shorter = bundle().to_json()
    shorter["trials"] = []
    with pytest.raises(DataError, match="checksum"):
        Bundle.from_json(shorter)


def test_another_layout_is_refused() -> None:
    with pytest.raises(DataError, match=r"layout 2.*calibrate again"):
        Bundle.from_json({**bundle().to_json(), "version": 2})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (replace(schema(), active="def"), "vectors abc, now def"),
        (schema(lexicon=LEXICON), f"vocabulary of pieces None, now {LEXICON}"),
        (schema(bm25_constant=1.0), "BM25 constant 2.2, now 1.0"),
        (schema(analyzers={"de": "german", "en": "cjk", "fr": "french"}), "analyzers"),
        (schema(fields=(SourceField("text", 2),)), "fields"),
        (schema(entities=False), "rules for entities 1, now 0"),
    ],
)
def test_a_bundle_for_other_conditions_is_refused_with_the_remedy(changed: Any, named: str) -> None:
    with pytest.raises(GenerationMismatchError, match="clir calibrate kb") as refused:
        check_conditions(bundle(), changed, "kb")
    assert named in str(refused.value)


def test_the_same_conditions_are_accepted() -> None:
    check_conditions(bundle(), schema(), "kb")


class FakeStore:
    """Answers what it is told to, or raises it."""

    index = "kb"

    def __init__(self) -> None:
        self.active: str | Exception = BUILTIN
        self.bundles: dict[str, Bundle | Exception] = {}

    def pointer(self) -> Pointer:
        if isinstance(self.active, Exception):
            raise self.active
        return Pointer(self.active, "", 1, 1)

    def bundle(self, name: str) -> Bundle:
        found = self.bundles[name]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    fake = FakeStore()
    monkeypatch.setattr("opensearch_clir.calibration.active.bundle_name", lambda *_: "kb")
    monkeypatch.setattr("opensearch_clir.calibration.active.Store", lambda *_: fake)
    return fake


def active() -> Active:
    return Active(None, "kb")  # type: ignore[arg-type]


def test_without_a_bundle_the_builtin_parameters_count(store: FakeStore) -> None:
    reader = active()
    assert reader.parameters(schema()) == builtin()
    assert reader.note == "built-in parameters"


def test_the_active_bundle_counts_and_says_which_pairs_it_knows(store: FakeStore) -> None:
    store.bundles["1"], store.active = bundle(), "1"
    reader = active()
    assert reader.parameters(schema()) == bundle().parameters
    assert bundle().id in reader.describe("fr>en")
    assert "not seen" not in reader.describe("fr>en")
    assert "en>ja was not seen at the fit" in reader.describe("en>ja")


def test_the_last_good_bundle_stays_when_the_cluster_fails(
    store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.bundles["1"], store.active = bundle(), "1"
    reader = active()
    reader.parameters(schema())
    store.active = ClusterUnreachableError("no answer")
    for _ in range(3):
        assert reader.parameters(schema()) == bundle().parameters
    assert "no answer" in reader.note
    assert [r.getMessage() for r in caplog.records] == ["kb: no answer"]


@pytest.mark.parametrize(
    "problem", [ClusterAuthError("may not read"), DataError("checksum does not fit")]
)
def test_a_bundle_that_can_not_be_read_leaves_the_builtin_parameters(
    store: FakeStore, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    store.bundles["1"], store.active = problem, "1"
    reader = active()
    for _ in range(2):
        assert reader.parameters(schema()) == builtin()
    assert str(problem) in reader.note
    assert len(caplog.records) == 1


def test_a_bundle_of_another_generation_is_not_used_and_named(
    store: FakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.bundles["1"], store.active = bundle(), "1"
    reader = active()
    assert reader.parameters(schema_with_pieces()) == builtin()
    assert "clir calibrate kb" in reader.note
    assert "clir calibrate kb" in caplog.text


def test_given_parameters_need_no_cluster() -> None:
    reader = Active(None, "kb", given=PARAMETERS)  # type: ignore[arg-type]
    assert reader.parameters(schema()) is PARAMETERS
    assert "test" in reader.note

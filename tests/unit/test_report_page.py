"""The HTML report: what it says, what it leaves out, and that nothing in it is markup."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from opensearch_clir.cli.report import report
from opensearch_clir.errors import DataError
from opensearch_clir.evaluation.report.colours import contrast, diverging, sequential
from opensearch_clir.evaluation.report.figures import figure, fine, short
from opensearch_clir.evaluation.report.markup import direction, tag, text_in
from opensearch_clir.evaluation.report.page import render
from opensearch_clir.evaluation.report.read import Result, read_result
from report_cases import HOSTILE, content, result


class Tags(HTMLParser):
    """Checks that tags are closed in order, and keeps names, attributes and text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_everything_is_escaped() -> None:
    tags = Tags(render([result()]))
    assert not {"script", "img", "iframe", "link"} & tags.names
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert HOSTILE in tags.texts


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    made = tag("p", text, title=text)
    assert Tags(made).names == {"p"}
    assert made.count("<") == 2


def test_a_lone_surrogate_can_be_written() -> None:
    made = content()
    made["worst"]["clir"][0]["text"] = "\ud800"
    render([Result(made)]).encode("utf-8")


def test_it_needs_no_network() -> None:
    page = render([result()])
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src &#x27;none&#x27;" in page


def test_figures_are_on_the_page() -> None:
    page = render([result()])
    for text in ("0.500", "[0.470, 0.540]", "▲ better", "−.10*", "○ not distinguishable", "8.2",
                 "140", "weight 0.3, norm l2 (fold 0, 1)", "12,345", "2.19.1", "0.123",
                 "answers in, nDCG@10 own", "0.234"):  # fmt: skip
        assert text in page, text


def test_small_pairs_are_greyed() -> None:
    page = render([result()])
    assert 'class="few" title="en&gt;ar: 0.500 [0.470, 0.540], 7 topics"' in page


def test_both_directions_and_their_difference() -> None:
    page = render([result()])
    section = page[page.index("a → b: queries") :]
    assert "−.10" in section[: section.index("Language preference</h3>")]


def test_texts_can_be_left_out() -> None:
    page = render([result()], texts=False)
    assert "BrevaLink" not in page
    assert "ماكينة" not in page
    assert "Worst queries" not in page


def test_several_results_have_an_overview_and_their_own_anchors() -> None:
    tags = Tags(render([result("one"), result("two")]))
    assert len(tags.ids) == len(set(tags.ids))
    assert {"set1", "set2"} <= set(tags.ids)
    assert "Overview" in tags.texts


@pytest.mark.parametrize("key", [*content(), *content()["systems"]["clir"]])
def test_missing_keys_are_no_error(key: str) -> None:
    made = content()
    made.pop(key, None)
    for system in made.get("systems", {}).values():
        system.pop(key, None)
    Tags(render([Result(made)]))


@pytest.mark.parametrize("junk", [None, 3, "x", [], {}, [1, None], {"a": {"b": None}}])
@pytest.mark.parametrize("key", [*content(), *content()["systems"]["clir"]])
def test_wrong_kinds_are_no_error(key: str, junk: object) -> None:
    made = content()
    if key in made:
        made[key] = junk
    else:
        made["systems"]["clir"][key] = junk
    Tags(render([Result(made)]))


def test_numbers_that_are_none() -> None:
    assert fine(figure({"value": math.nan}).value) == "–"
    assert figure(True).value is None
    assert str(figure({"diff": -0.5, "low": -1, "high": 0})) == "−0.500 [−1.000, 0.000]"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.421, ".42"), (1.0, "1.0"), (0.999, "1.0"), (0.0, ".00"), (-0.001, ".00"), (-0.05, "−.05")],
)
def test_short_numbers(value: float, text: str) -> None:
    assert short(value) == text


def test_positive_differences_have_a_sign() -> None:
    assert short(0.05, signed=True) == "+.05"


@given(st.floats(-3, 3), st.floats(0, 2))
def test_every_colour_has_a_legible_ink(value: float, reach: float) -> None:
    for paint in (sequential(value), diverging(value, reach)):
        assert contrast(*paint) >= 4.5


def test_colours_darken_steadily() -> None:
    white = [contrast("#ffffff", sequential(step / 20).background) for step in range(21)]
    assert white == sorted(white)


@pytest.mark.parametrize(
    ("code", "way"), [("ar", "rtl"), ("he", "rtl"), ("fa", "rtl"), ("en", "ltr"), ("??", "auto")]
)
def test_direction(code: str, way: str) -> None:
    assert direction(code) == way
    assert f'dir="{way}"' in text_in(code, "x")


def test_the_command(tmp_path: Path) -> None:
    source, page = tmp_path / "r.json", tmp_path / "r.html"
    source.write_text(json.dumps(content()), encoding="utf-8")
    done = CliRunner().invoke(report, [str(source), "--html", str(page), "--no-text"])
    assert done.exit_code == 0, done.output
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "has no systems"), ('{"systems": 3}', "has no systems")],
)
def test_files_that_are_no_results(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_result(path)
    done = CliRunner().invoke(report, [str(path), "--html", str(tmp_path / "x.html")])
    assert done.exit_code == 1


def test_no_result_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no result"):
        render([])
    with pytest.raises(DataError, match="can't be read"):
        read_result(tmp_path / "nothing.json")

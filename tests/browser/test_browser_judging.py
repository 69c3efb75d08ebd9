"""The judging page in a real browser: keys, resuming, several judges, hostile texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from judging_site import serving
from opensearch_clir.evaluation.making.agreement import agreement
from opensearch_clir.evaluation.making.draft import Candidate
from opensearch_clir.evaluation.making.judgments import Judgments, read_judgments
from opensearch_clir.evaluation.making.server import JudgingServer
from webdriver_client import LEFT, Browser

HOSTILE = "</textarea></p><script>alert(1)</script><img src=x onerror=alert(2)><b id=injected>x"

DOCUMENTS = [
    {"id": "d.en", "lang": "en", "title": "Refunds", "text": "Within ten days."},
    {"id": "d.fr", "lang": "fr", "title": HOSTILE, "text": HOSTILE},
    {"id": "d.ar", "lang": "ar", "title": "استرداد", "text": "خلال عشرة أيام عبر BrevaLink."},
    {"id": "d.ja", "lang": "ja", "text": "十日以内です。\n二行目"},
]
POOL = ["d.en", "d.fr", "d.ar", "d.ja"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = "".join(json.dumps(document) + "\n" for document in DOCUMENTS)
    pool = "".join(json.dumps({"query": "q1", "document": doc}) + "\n" for doc in POOL)
    (tmp_path / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    (tmp_path / "queries.tsv").write_text(f"id\tlang\ttext\nq1\ten\twhen? {HOSTILE}\n", "utf-8")
    (tmp_path / "pool.jsonl").write_text(pool, encoding="utf-8")
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[JudgingServer]:
    with serving(folder) as server:
        yield server


def begin(browser: Browser, site: JudgingServer, name: str) -> None:
    browser.open(site.url)
    browser.wait(lambda: browser.visible("#name"))
    browser.type("#name", name)
    browser.click("#start button")
    browser.wait(lambda: browser.visible("#task"))


def judge(browser: Browser, *keys: str) -> None:
    """Press keys, each once the answer to the last is on the page."""
    for key in keys:
        before = shown(browser)
        browser.press(key)
        browser.wait(lambda before=before: shown(browser) != before)


def shown(browser: Browser) -> str:
    return browser.text("body")


def decisions(folder: Path, name: str) -> dict[str, int | None]:
    found: Judgments = read_judgments(folder)[name]
    return {candidate.document: grade for candidate, grade in found.items()}


def test_a_whole_pool_by_keys(browser: Browser, site: JudgingServer, folder: Path) -> None:
    begin(browser, site, "ana")
    assert "0 of 4 judged" in browser.text("#count")
    judge(browser, "2", "n", "s", "p")
    assert browser.visible("#done")
    assert "4 candidates, 1 of them skipped" in browser.text("#summary")
    assert decisions(folder, "ana") == {"d.en": 2, "d.fr": 0, "d.ar": None, "d.ja": 1}


def test_back_changes_a_decision(browser: Browser, site: JudgingServer, folder: Path) -> None:
    begin(browser, site, "ana")
    judge(browser, "2", "b")
    assert "You judged this before" in browser.text("#given")
    assert browser.text("button.chosen kbd") == "2"
    judge(browser, "0", "1", LEFT, LEFT)
    assert browser.text("#document-title") == "Refunds"
    assert decisions(folder, "ana") == {"d.en": 0, "d.fr": 1}


def test_a_reload_resumes(browser: Browser, site: JudgingServer, folder: Path) -> None:
    begin(browser, site, "ana")
    judge(browser, "2", "2")
    browser.reload()
    browser.wait(lambda: browser.visible("#task"))
    assert "2 of 4 judged" in browser.text("#count")
    assert "عشرة" in browser.text("#document-text")
    judge(browser, "s", "0")
    assert decisions(folder, "ana") == {"d.en": 2, "d.fr": 2, "d.ar": None, "d.ja": 0}


def test_skipped_ones_can_be_seen_again(
    browser: Browser, site: JudgingServer, folder: Path
) -> None:
    begin(browser, site, "ana")
    judge(browser, "s", "0", "0", "0")
    browser.click("[data-go=skipped]")
    browser.wait(lambda: browser.visible("#task"))
    judge(browser, "2")
    assert decisions(folder, "ana")["d.en"] == 2


def test_two_judges_and_their_agreement(
    browser: Browser, site: JudgingServer, folder: Path
) -> None:
    begin(browser, site, "ana")
    judge(browser, "2", "0", "1", "0")
    begin(browser, site, "ben")
    assert browser.text("#given") == ""
    judge(browser, "2", "0", "1", "2")
    found = agreement(read_judgments(folder), {"d.ja": "ja"})
    assert found["all"].candidates == 4
    assert found["all"].equal == 0.75
    kappa = found["all"].kappa["ana, ben"]
    assert kappa == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))


def test_only_the_languages_a_judge_reads(browser: Browser, site: JudgingServer) -> None:
    browser.open(site.url)
    browser.wait(lambda: browser.visible("#name"))
    browser.type("#name", "élodie")
    for code in ("ar", "ja"):
        browser.click(f"#languages input[value={code}]")
    browser.click("#start button")
    browser.wait(lambda: browser.visible("#task"))
    assert "of 2 judged" in browser.text("#count")


def test_hostile_texts_are_inert(browser: Browser, site: JudgingServer) -> None:
    begin(browser, site, "ana")
    assert HOSTILE in browser.text("#query-text")
    judge(browser, "2")
    assert browser.text("#document-text") == HOSTILE
    assert browser.text("#document-title") == HOSTILE
    assert browser.script("return document.querySelectorAll('#injected, main img').length") == 0


def test_scripts_from_elsewhere_do_not_run(browser: Browser, site: JudgingServer) -> None:
    begin(browser, site, "ana")
    browser.script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        "document.body.append(s)"
    )
    assert browser.script("return window.ran") is None


def test_directions_and_languages_of_texts(browser: Browser, site: JudgingServer) -> None:
    begin(browser, site, "ana")
    judge(browser, "2", "2")
    style = "const e = document.querySelector('#document-text');"
    assert browser.script(style + "return [e.lang, getComputedStyle(e).direction]") == ["ar", "rtl"]
    judge(browser, "2")
    assert browser.script(style + "return getComputedStyle(e).direction") == "ltr"
    assert "\n" in browser.text("#document-text")


def test_a_held_key_judges_once(browser: Browser, site: JudgingServer, folder: Path) -> None:
    begin(browser, site, "ana")
    browser.script(
        "for (let i = 0; i < 9; i++) document.dispatchEvent("
        "new KeyboardEvent('keydown', {key: '2', repeat: i > 0}))"
    )
    browser.wait(lambda: "1 of 4" in browser.text("#count"))
    assert decisions(folder, "ana") == {"d.en": 2}


def test_a_refused_decision_is_told(browser: Browser, site: JudgingServer) -> None:
    begin(browser, site, "ana")
    site.desk.only = "somebody-else"
    browser.press("2")
    browser.wait(lambda: browser.visible("#problem"))
    assert "opened for somebody-else only" in browser.text("#problem")
    assert Candidate("q1", "d.en") not in read_judgments(site.desk.draft.folder).get("ana", {})

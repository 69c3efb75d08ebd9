"""The report in a real browser: nothing runs, nothing is fetched, texts have their direction."""

from __future__ import annotations

from pathlib import Path

import pytest

from opensearch_clir.evaluation.report.colours import contrast
from opensearch_clir.evaluation.report.page import write_report
from report_cases import HOSTILE, result
from webdriver_client import Browser


@pytest.fixture
def page(tmp_path: Path, browser: Browser) -> Browser:
    path = tmp_path / "report.html"
    write_report([result()], path)
    browser.open(path.as_uri())
    return browser


def test_hostile_titles_are_shown_as_text(page: Browser) -> None:
    assert HOSTILE in page.text(".part-worst")
    assert page.script("return document.querySelectorAll('script, img, iframe').length") == 0
    assert page.script("return window.ran") is None


def test_nothing_is_fetched(page: Browser) -> None:
    found = page.script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert found == []


def test_arabic_runs_from_the_right(page: Browser) -> None:
    code = "return getComputedStyle(document.querySelector('q[lang=ar]')).direction"
    assert page.script(code) == "rtl"


def test_the_page_is_no_wider_than_the_window(page: Browser) -> None:
    assert page.script("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_every_ink_can_be_read(page: Browser) -> None:
    code = """
    const hex = (c) => '#' + c.match(/\\d+/g).slice(0, 3)
      .map((n) => Number(n).toString(16).padStart(2, '0')).join('');
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor;
        if (c !== 'rgba(0, 0, 0, 0)') return hex(c);
      }
      return '#ffffff';
    };
    const found = new Set();
    for (const e of document.querySelectorAll('body *'))
      if ([...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && !e.closest('svg'))
        found.add(hex(getComputedStyle(e).color) + behind(e));
    return [...found];
    """
    pairs = page.script(code)
    assert len(pairs) > 5
    assert min(contrast(pair[:7], pair[7:]) for pair in pairs) >= 4.5


def test_it_prints(page: Browser) -> None:
    assert page.pdf().startswith(b"%PDF")

"""A real headless Chromium, driven by its own WebDriver; where it is missing these tests fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from webdriver_client import Browser


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs chromium and chromedriver of the system")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that ``-m "not browser"`` leaves it out."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def shared_browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(shared_browser: Browser) -> Iterator[Browser]:
    """The browser with an empty page."""
    shared_browser.open("about:blank")
    yield shared_browser
    shared_browser.dismiss_alert()

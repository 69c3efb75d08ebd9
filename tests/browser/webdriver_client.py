"""The little of the W3C WebDriver protocol that the tests need, over plain HTTP."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

REMEDY = "is not installed: apt-get install chromium chromium-driver"

#: WebDriver's codes of keys without a character.
ENTER, LEFT = "\ue007", "\ue012"

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class WebDriverError(AssertionError):
    """The browser refused, so the test fails."""


class Browser:
    """One headless window of 1280 × 900 pixels."""

    def __init__(self) -> None:
        driver = shutil.which("chromedriver")
        chromium = shutil.which("chromium")
        assert driver, f"chromedriver {REMEDY}"
        assert chromium, f"chromium {REMEDY}"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._address = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._session = self._start(chromium)
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._end()

    def open(self, url: str) -> None:
        self._post("url", {"url": url})

    def reload(self) -> None:
        self._post("refresh", {})

    def script(self, source: str, *arguments: Any) -> Any:
        """Return the value of a function body."""
        return self._post("execute/sync", {"script": source, "args": list(arguments)})

    def text(self, css: str) -> str:
        return str(self.script("return document.querySelector(arguments[0]).innerText", css))

    def visible(self, css: str) -> bool:
        code = "return !!document.querySelector(arguments[0])?.getClientRects().length"
        return bool(self.script(code, css))

    def click(self, css: str) -> None:
        self._post(f"element/{self._find(css)}/click", {})

    def type(self, css: str, text: str) -> None:
        self._post(f"element/{self._find(css)}/value", {"text": text})

    def press(self, key: str) -> None:
        """Press and let go of one key, wherever the focus is."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._post("actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def wait(self, condition: Callable[[], Any], seconds: float = 10) -> Any:
        """Return the first true value of a condition."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"not so after {seconds} s: {self.text('body')[:500]}"
            time.sleep(0.02)
        return found

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def pdf(self) -> bytes:
        return base64.b64decode(self._post("print", {"background": True}))

    def dismiss_alert(self) -> None:
        """Fail if the page opened a dialogue, which only an injected script would do."""
        try:
            shown = self._call("GET", f"{self._session}/alert/text")
        except WebDriverError as error:
            assert "no such alert" in str(error)  # noqa: PT017 - the expected answer
            return
        raise AssertionError(f"the page opened a dialogue: {shown}")

    def _find(self, css: str) -> str:
        found = self._post("element", {"using": "css selector", "value": css})
        return str(found[_ELEMENT])

    def _start(self, chromium: str) -> str:
        options = {
            "binary": chromium,
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900",
                     "--disable-dev-shm-usage"],
        }  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        end = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < end, "chromedriver does not answer"
            time.sleep(0.05)
        return "session/" + str(self._call("POST", "session", wanted)["sessionId"])

    def _answers(self) -> bool:
        try:
            return bool(self._call("GET", "status")["ready"])
        except urllib.error.URLError:
            return False

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", f"{self._session}/{path}", body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._address}/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                value = json.load(error)["value"]
            raise WebDriverError(f"{value['error']}: {value['message']}") from None

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

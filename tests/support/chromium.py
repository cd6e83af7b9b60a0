"""Debian's Chromium without a window, driven by its own protocol (CDP): open a page, run a line in it, take a picture.

Each browser has a profile of its own and asks nobody outside of this machine.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

_QUIET = (
    *("--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


class Page:
    """The one page of a browser. `refused` gathers what a Content-Security-Policy kept it from."""

    def __init__(self, stream: ClientConnection) -> None:
        self._stream, self._numbers = stream, itertools.count(1)
        self.refused: list[str] = []
        self.status: list[int] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        number = next(self._numbers)
        self._stream.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            message = json.loads(self._stream.recv(60))
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                found: dict[str, Any] = message["result"]
                return found

    def open(self, address: str, *, user: str = "", password: str = "") -> None:
        """Go to `address`, as who signs in by HTTP where `user` is given, and wait until it is loaded."""
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.call("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {token}"} if user else {})
        self.call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are waited for."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30.0) -> None:
        """Return once the expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < deadline, f"never true: {script}; the page says {self.text()[:2000]}"
            time.sleep(0.2)

    def text(self) -> str:
        """What a reader of the page reads."""
        return str(self.run("document.body.innerText"))

    def resize(self, width: int, height: int) -> None:
        """The size of the window, in pixels of the page."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1.25, mobile=False
        )

    def picture(self, place: Path) -> None:
        """Write what the window shows as PNG."""
        shot = self.call("Page.captureScreenshot", format="png")
        place.write_bytes(base64.b64decode(shot["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Log.entryAdded":
            text = message["params"]["entry"]["text"]
            if "Content Security Policy" in text:
                self.refused.append(text)
        if message.get("method") == "Network.responseReceived" and message["params"]["type"] == "Document":
            self.status.append(message["params"]["response"]["status"])


def find_chromium() -> str | None:
    """The browser's program."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """A browser with its profile in `folder`, which ends with the block. Skips where none is installed."""
    program = find_chromium()
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    folder.mkdir(parents=True, exist_ok=True)
    alone = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox refuses root
    child = subprocess.Popen(
        [program, *_QUIET, *alone, f"--user-data-dir={folder}", "about:blank"],
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = _port(child, folder / "DevToolsActivePort")
        with connect(_page_of(port), max_size=None, proxy=None) as stream:
            yield Page(stream)
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _port(child: subprocess.Popen[bytes], place: Path) -> int:
    deadline = time.monotonic() + 60
    while not (place.is_file() and place.read_text().count("\n")):
        assert child.poll() is None, "Chromium ended while starting"
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    return int(place.read_text().splitlines()[0])


def _page_of(port: int) -> str:
    import httpx

    deadline = time.monotonic() + 30
    while True:
        listed = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False, timeout=10).json()
        if pages := [target for target in listed if target["type"] == "page"]:
            return str(pages[0]["webSocketDebuggerUrl"])
        assert time.monotonic() < deadline, "Chromium opened no page"
        time.sleep(0.1)

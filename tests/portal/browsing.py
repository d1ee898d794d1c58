"""What the tests in a real browser share: Chromium, a server in a process of its own, and how a file is dropped."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from erlangen.portal import bundle

TREE = Path(__file__).parents[2]
AXE = TREE / "web" / "node_modules" / "axe-core" / "axe.min.js"
WATCH = """window.refused = []
document.addEventListener('securitypolicyviolation', e => refused.push(`${e.violatedDirective} ${e.blockedURI}`))"""
DROP = """([name, text]) => {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0)), found = new DataTransfer()
  found.items.add(new File([bytes], name))
  for (const kind of ['dragover', 'drop'])
    window.dispatchEvent(new DragEvent(kind, { dataTransfer: found, bubbles: true, cancelable: true }))
}"""


def chromium() -> str | None:
    """Chromium: the one that is named, that of the system, or what `playwright install chromium` brought."""
    names = ("chromium", "chromium-browser", "google-chrome")
    brought = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome"))
    return os.environ.get("CHROMIUM") or next(filter(None, [*map(shutil.which, names), *map(str, brought[-1:])]), None)


def has_playwright() -> bool:
    """Whether the package that drives it is there."""
    from importlib.util import find_spec

    return find_spec("playwright") is not None


IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(not has_playwright(), reason="no playwright: pip install -e '.[dev]'"),
    pytest.mark.skipif(chromium() is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not bundle.is_built(), reason="the front end is not built: make portal"),
]
"""Marks of a file of such tests."""


class Served:
    """`erlangen serve` as a user starts it. `address` opens a session; `kill` is kill -9, `start` begins again."""

    def __init__(self, runs: Path, *words: str, environment: dict[str, str] | None = None):
        self.runs, self.words, self.port = runs, words, 0
        self.log = runs.parent / "server.log"
        self.environment = {**os.environ, **(environment or {})}
        self.start()

    def start(self) -> None:
        """On the port that it had before, where it had one."""
        command = [sys.executable, "-m", "erlangen.app.cli", "serve", "--runs", str(self.runs), *self.words]
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [*command, "--port", str(self.port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=TREE,
                env=self.environment,
                start_new_session=True,
            )
        line = self.child.stdout.readline()  # type: ignore[union-attr]
        self.address = line.split()[-1]
        self.port = int(self.address.split(":")[2].split("/")[0])

    def url(self, path: str = "", port: int = 0) -> str:
        """A page; the first one of a session carries the token. port: that of a cable."""
        query = "&" if "?" in path else "?"
        token = self.address.partition("?")[2]
        return f"http://127.0.0.1:{port or self.port}/{path}" + (f"{query}{token}" if token else "")

    def kill(self) -> None:
        """Without a word to it."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.wait(10)

    def stop(self) -> None:
        """In order."""
        self.child.terminate()
        self.child.wait(20)


class Cable:
    """A port that leads to another one, until it is cut: what a reader knows of a network."""

    def __init__(self) -> None:
        self.to, self.is_cut = 0, False
        self.open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends, and new ones with them."""
        self.is_cut = True
        for one in self.open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def mend(self) -> None:
        """New connections go through."""
        self.is_cut = False

    def _accept(self) -> None:
        while True:
            near, _ = self._listening.accept()
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self.open += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := a.recv(65_536):
                b.sendall(block)
        for one in (a, b):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def drop(page, name: str, body: bytes) -> None:
    """Let a file fall onto the page."""
    page.evaluate(DROP, [name, base64.b64encode(body).decode()])


def eventually(page, expression: str, arg: object = None, seconds: float = 60.0):
    """Wait until a JavaScript expression holds; the policy of our pages forbids what Playwright does for that."""
    end = time.monotonic() + seconds
    while not (found := page.evaluate(expression, arg)):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(100)
    return found

"""One shelf of records, one library over it, and a server that really listens."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time

import pytest
import uvicorn
from portal import shelves
from portal.browsing import WATCH, chromium

from erlangen.portal.guard import Guard
from erlangen.portal.jobs import Jobs
from erlangen.portal.library import Library
from erlangen.portal.server import Portal, application
from erlangen.portal.uploads import Uploads


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    return shelves.shelf(tmp_path_factory.mktemp("portal") / "runs")


@pytest.fixture(scope="session")
def library(runs, tmp_path_factory):
    """The runs of these tests alone, without the records that ship."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("erlangen.leaves.BOARD", tmp_path_factory.mktemp("board"))
        yield Library(runs, mode="served")


class Client:
    """Requests as a browser sends them; `raw` sends exactly what it is told."""

    def __init__(self, port: int, token: str):
        self.port, self.token = port, token
        self.host = f"127.0.0.1:{port}"

    def raw(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in ({"Host": self.host} | (headers or {})).items():
                connection.putheader(name, value)
            if body is not None and "Content-Length" not in (headers or {}):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            found = connection.getresponse()
            return found.status, dict(found.getheaders()), found.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.raw("GET", path, {"Cookie": f"erlangen-{self.port}={self.token}", **headers})

    def json(self, path):
        status, _, body = self.get(path)
        return status, json.loads(body)

    def send(self, method, path, found=None, **headers):
        own = {"Cookie": f"erlangen-{self.port}={self.token}", "Origin": f"http://{self.host}"}
        own |= {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        status, _, text = self.raw(method, path, own | headers, body)
        return status, json.loads(text)


def serve(portal: Portal, listening: socket.socket):
    """A server in a thread: (server, thread)."""
    quiet = {"log_level": "error", "ws": "none", "server_header": False}
    server = uvicorn.Server(uvicorn.Config(application(portal), timeout_graceful_shutdown=1, **quiet))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread


@pytest.fixture
def make_server(tmp_path):
    """make_server(library, jobs=...) -> (client, portal)"""
    running = []

    def make(library, *, jobs=True, public=False):
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        guard = Guard.fresh(port, public=public)
        queue = Jobs(library) if jobs else None
        portal = Portal(library, guard, queue, Uploads(library) if jobs else None)
        running.append((*serve(portal, listening), queue))
        return Client(port, guard.token), portal

    yield make
    for server, thread, queue in running:
        server.should_exit = True
        thread.join(10)
        if queue is not None:
            queue.close()


@pytest.fixture(scope="session")
def client(library):
    """A server that only reads, shared by all tests; behind its token."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    portal = Portal(library, Guard.fresh(port))
    server, thread = serve(portal, listening)
    yield Client(port, portal.guard.token)
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=chromium())
        yield found
        found.close()


@pytest.fixture
def opened(browser):
    """opened(url, width=1440, dark=False, script=True, forgiven=()) -> a page in a session of its own, or in `context`.

    Every complaint of a page (console, failed requests, errors, violations of its policy) fails the test at its end,
    but those that hold a word of `forgiven`.
    """
    contexts, wrong = [], []

    def go(url, *, width=1440, dark=False, script=True, forgiven=(), context=None):
        scheme = "dark" if dark else "light"
        if context is None:
            context = browser.new_context(
                viewport={"width": width, "height": 1000},
                color_scheme=scheme,
                reduced_motion="reduce",
                java_script_enabled=script,
                accept_downloads=True,
            )
            contexts.append((context, script))
        page = context.new_page()
        page.set_default_timeout(60_000)

        def heard(text):
            if not any(word in text for word in ("net::ERR_ABORTED", *forgiven)):  # aborted: the reader went on
                wrong.append(text)

        page.add_init_script(WATCH)
        page.on("console", lambda m: heard(f"{m.text} {m.location.get('url', '')}") if m.type == "error" else None)
        page.on("pageerror", lambda error: heard(str(error)))
        page.on("requestfailed", lambda request: heard(f"{request.url} {request.failure}"))
        page.goto(url)
        page.wait_for_selector("main h1")
        return page

    yield go
    for context, script in contexts:
        for page in context.pages if script else ():
            wrong.extend(page.evaluate("window.refused"))
        context.close()
    assert not wrong

"""The server: one process on loopback that holds no JAX and no NumPy, pages and answers as bytes in memory.

    application(Portal(...)) -> what uvicorn runs

Reading is `shelf`, who may is `guard`; jobs, events and uploads are rooms of their own that are asked through `writes`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ..core.errors import Invalid
from . import api, bundle, lessons, pages, writes
from .events import Stream, Told
from .guard import HEADERS, Guard, Refused, refused
from .jobs import Jobs
from .library import Library
from .shelf import Item, Shelf, item
from .uploads import Uploads

LOG = logging.getLogger("erlangen.portal")
HTML, JSON, NOTEBOOK = "text/html; charset=utf-8", "application/json", "application/x-ipynb+json"
WITH_QUERY = ("api/runs.json", "api/compare.json", "compare/")
FOREVER = "public, max-age=31536000, immutable"


@dataclasses.dataclass
class Portal:
    """Everything that one server holds. jobs, uploads: None where it only shows."""

    library: Library
    guard: Guard
    jobs: Jobs | None = None
    uploads: Uploads | None = None
    stream: Stream = dataclasses.field(default_factory=Stream)
    site: dict[str, Item] = dataclasses.field(default_factory=dict)
    closing: set[asyncio.Task[None]] = dataclasses.field(default_factory=set)

    def __post_init__(self) -> None:
        self.site = {name: item(raw, bundle.TYPES[_ending(name)]) for name, raw in bundle.files().items()}
        self.shelf = Shelf(self.library, self.make)

    def make(self, path: str) -> tuple[bytes, str, int]:
        """One page or answer by its path with its query: bytes, content type, status."""
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        name, is_answer = parts.path, parts.path.startswith("api/")
        try:
            if is_answer:
                return api.encoded(api.answer(self.library, name[4:-5], query)), JSON, 200
            text = pages.page(self.library, name, query, bundle=bool(self.site))
            return text.encode(), HTML, 200
        except Invalid as error:
            return self.problem(error, 404, parts.path)
        except Exception:
            LOG.exception("no answer for %s", quote(path[:200]))
            error = Invalid(must="every page can be made", came="a fault of ours", do="See the log of the server.")
            return self.problem(error, 500, parts.path)

    def problem(self, error: Invalid, status: int, path: str) -> tuple[bytes, str, int]:
        """A refusal as a page, or as JSON where an answer was asked for."""
        if path.startswith("api/"):
            return api.encoded(problem_of(error)), JSON, status
        root = "../" * path.rstrip("/").count("/") + ("../" if path.endswith("/") and path.strip("/") else "") or "./"
        title = {404: "Not found", 401: "Open the address from the terminal"}.get(status, "Refused")
        text = pages.refusal(error, root, mode=self.library.mode, bundle=bool(self.site) and status == 404, title=title)
        return text.encode(), HTML, status


def problem_of(error: Invalid, field: str = "") -> dict[str, Any]:
    """What was wrong, as JSON."""
    return {"must": error.must, "came": error.came, "do": error.do, "field": field}


def _ending(name: str) -> str:
    return "." + name.rsplit(".", 1)[-1]


def application(portal: Portal) -> Starlette:
    """The ASGI application."""

    @contextlib.asynccontextmanager
    async def alive(_: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(_warm(portal))]
        if portal.jobs is not None:
            tasks.append(asyncio.ensure_future(portal.jobs.keep_going(lambda told: _told(portal, told))))
        if portal.uploads is not None:
            tasks.append(asyncio.ensure_future(portal.uploads.tidy()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def every(request: Request) -> Response:
        return await _answer(portal, request)

    methods = ["GET", "HEAD", "POST", "PUT", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", every, methods=methods)], lifespan=alive)


def _told(portal: Portal, told: Told) -> None:
    """Pass an event on; the record of a job that is done is read first."""

    async def pass_on() -> None:
        event = await asyncio.to_thread(writes.completed, portal, told)
        portal.shelf.forget()
        portal.stream.tell(event)

    if told[2]["event"] == "done":
        portal.closing.add(task := asyncio.ensure_future(pass_on()))
        task.add_done_callback(portal.closing.discard)
    else:
        portal.stream.tell(told)


async def _warm(portal: Portal) -> None:
    """What is asked for first; then what methods and tasks declare, where that is not known yet."""
    await portal.shelf.warm(["", "api/map.json", "api/search.json", "runs/", "api/about.json", "methods/"])
    leaves = [leaf for area in portal.library.chart().areas for leaf in area.leaves if leaf.task is not None]
    await portal.shelf.warm([f"leaf/{leaf.path}/" for leaf in leaves])
    if portal.jobs is not None:
        await portal.jobs.ask_catalogue(portal.library)


async def _answer(portal: Portal, request: Request) -> Response:
    """Guard, then the room that the path belongs to; every refusal is one line of the log and one sentence."""
    path = _path(request)
    try:
        query = dict(request.query_params)
        token = query.pop("token", "")
        opens = portal.guard.check(request.method, str(request.url), request.headers, request.cookies, token)
        if opens and request.method == "GET":
            return _opened(portal, request)
        if request.method in ("GET", "HEAD"):
            return await _read(portal, request, path)
        found = await writes.write(portal, request, path)
        return _response(request, found, fresh=True)
    except Refused as error:
        return _refusal(portal, request, error, path)
    except Invalid as error:
        return _refusal(portal, request, Refused(404, error), path)
    except Exception:
        LOG.exception("no answer to %s %s", request.method, quote(path[:120]))
        fault = refused(500, "every request has an answer", "a fault of ours", "See the log of the server.")
        return _refusal(portal, request, fault, path)


def _refusal(portal: Portal, request: Request, error: Refused, path: str) -> Response:
    LOG.warning("refused %s %s: %s", request.method, quote(path[:120]), error.reason.came[:160])
    body, kind, status = portal.problem(error.reason, error.status, path)
    return _response(request, item(body, kind, status=status), fresh=True)


def _opened(portal: Portal, request: Request) -> Response:
    """The token becomes a cookie, and leaves the address."""
    rest = "&".join(f"{quote(k)}={quote(v)}" for k, v in request.query_params.items() if k != "token")
    where = request.url.path + (f"?{rest}" if rest else "")
    headers = {"Location": "/" + where.lstrip("/"), "Set-Cookie": portal.guard.cookie(), "Cache-Control": "no-store"}
    return Response(status_code=303, headers={**HEADERS, **headers})


async def _read(portal: Portal, request: Request, path: str) -> Response:
    kept = await writes.read(portal, request, path)
    if kept is not None:
        return kept if isinstance(kept, Response) else _response(request, kept, fresh=True)
    if path.startswith("site/"):
        return _asset(portal, request, path.removeprefix("site/"))
    if path.startswith("files/"):
        return await asyncio.to_thread(_file, portal, path)
    if path.startswith(lessons.NOTEBOOKS):
        found = await asyncio.to_thread(lessons.notebook, unquote(path))
        return _response(request, item(found, NOTEBOOK), fresh=True)
    path = path.removesuffix("index.html") if path.split("/")[-1] == "index.html" else path
    if path and not path.endswith("/") and not path.endswith(".json"):
        raise refused(404, "pages end in / and answers in .json", path[:120], "Follow a link of the site.")
    query = request.url.query if path in WITH_QUERY else ""
    return _response(request, await portal.shelf.get(f"{path}?{query}" if query else path))


def _path(request: Request) -> str:
    """The path as it was sent, percent-encoded, so that an encoded slash in a name stays in its step."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.decode("latin-1").split("?")[0].lstrip("/")


def _asset(portal: Portal, request: Request, name: str) -> Response:
    found = portal.site.get(name)
    if found is None:
        do = "Build it: make portal" if not portal.site else "Reload the page."
        raise refused(404, "a file of the bundle is there", name[:120], do)
    return _response(request, found, cache=FOREVER if name.startswith("fonts/") else "no-cache")


def _file(portal: Portal, path: str) -> Response:
    """A file of a run folder, as a download."""
    parts = [unquote(part) for part in path.split("/")]
    try:
        found = portal.library.file(parts[1], parts[2]) if len(parts) == 3 else None
    except Invalid as error:
        raise Refused(404, error) from None
    if found is None:
        raise refused(404, "a file of a run is one that its page lists", path[:160], "See the page of the run.")
    headers = {**HEADERS, "Cache-Control": "no-cache"}
    return FileResponse(
        found, filename=f"{parts[1]}-{parts[2]}", media_type="application/octet-stream", headers=headers
    )


def _response(request: Request, found: Item, *, fresh: bool = False, cache: str = "no-cache") -> Response:
    """An item with its headers: 304 where the reader has it already, packed where the reader can unpack it."""
    headers = {**HEADERS, "Cache-Control": "no-store" if fresh else cache, "Content-Type": found.kind}
    if found.status == 200 and not fresh:
        headers |= {"ETag": found.tag, "Vary": "Accept-Encoding"}
        if found.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    body = found.body
    if found.packed and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = found.packed, "gzip"
    return Response(body if request.method != "HEAD" else b"", found.status, headers=headers)

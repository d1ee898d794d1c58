"""What changes something, and what is different for every reader: jobs, events, uploads, predictions."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from ..core.errors import Invalid
from . import api
from .answers.jobs import Job, PredictionAnswer
from .events import MOST_STREAMS, Told
from .five import five
from .forms import Refusal, checked
from .guard import HEADERS, MOST_BODY, Refused, refused
from .jobs import Full
from .shelf import Item, item

if TYPE_CHECKING:
    from .server import Portal

JSON = "application/json"
JOB = re.compile(r"api/jobs/([0-9a-f]{16})")
UPLOAD, UPLOADED = re.compile(r"api/uploads/([^/]+)"), re.compile(r"api/uploads/([0-9a-f]{16})\.json")
PREDICTION = re.compile(r"api/predictions/([0-9a-f]{16})(\.json|/file)")


async def read(portal: Portal, request: Request, path: str) -> Item | Response | None:
    """GET of what is different for every reader; None where the path is another."""
    if path == "api/jobs.json":
        jobs = await asyncio.to_thread(portal.jobs.listed) if portal.jobs else []
        return _json({"jobs": jobs, "limits": portal.library.limits})
    if path == "api/events":
        return _events(portal, request)
    if found := UPLOADED.fullmatch(path):
        return _json(await asyncio.to_thread(_asked(portal.uploads).answer, found[1]))
    if found := PREDICTION.fullmatch(path):
        job = await asyncio.to_thread(_asked(portal.jobs).find, found[1])
        if job is None or job["kind"] != "predict":
            raise refused(404, "a prediction is one that was asked for here", found[1], "Ask again.")
        return _prediction(portal, job) if found[2] == ".json" else _predicted(portal, job)
    return None


async def write(portal: Portal, request: Request, path: str) -> Item:
    """POST, PUT and DELETE; the guard has let them through."""
    if portal.jobs is None or portal.uploads is None:
        raise refused(403, "this server takes jobs", "one that only shows", "Start it on a folder of runs of your own.")
    try:
        if request.method == "POST" and path == "api/jobs":
            return await _job(portal, await _body(request))
        if request.method == "POST" and path == "api/predictions":
            return await _predict(portal, await _body(request))
        if request.method == "DELETE" and (found := JOB.fullmatch(path)):
            if not await asyncio.to_thread(portal.jobs.cancel, found[1]):
                raise refused(404, "a job that is cancelled waits or runs", found[1], "See the list of jobs.")
            return _json({"job": found[1]}, 202)
        if request.method == "PUT" and (found := UPLOAD.fullmatch(path)):
            return await _upload(portal, request, found[1])
    except Invalid as error:
        raise Refused(422, error) from None
    raise refused(405, "jobs, uploads and predictions can be sent", f"{request.method} {path[:80]}", "Use the pages.")


def _json(found: Any, status: int = 200) -> Item:
    return item(api.encoded(found), JSON, status=status)


def _asked(room: Any) -> Any:
    if room is None:
        raise refused(404, "this server takes jobs", "one that only shows", "Start it on a folder of runs of your own.")
    return room


async def _body(request: Request) -> Any:
    """A JSON body of a reasonable size and depth."""
    raw = b""
    async for block in request.stream():
        raw += block
        if len(raw) > MOST_BODY:
            raise refused(413, f"a request has at most {MOST_BODY // 1000} kB", "more", "Files go to api/uploads/NAME.")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise refused(422, "a request is JSON", repr(raw[:60]), "Send a JSON object.") from None


async def _job(portal: Portal, body: Any) -> Item:
    jobs, uploads = _asked(portal.jobs), _asked(portal.uploads)
    try:
        await asyncio.to_thread(jobs.check_room)  # first: a flood is refused before it is read
        request = await asyncio.to_thread(checked, portal.library, body, uploads.path)
    except Refusal as error:
        return _json({**_said(error.reason), "field": error.field}, 422)
    except Full:
        raise _full() from None
    title = " + ".join([request["method"], *(wrap["name"] for wrap in reversed(request["wraps"]))])
    return await _posted(jobs.post, "run", request, f"{title} on {request['task']}")


async def _posted(post: Any, kind: str, request: Any, title: str) -> Item:
    try:
        job, place = await asyncio.to_thread(post, kind, request, title)
    except Full:
        raise _full() from None
    return _json({"job": job, "place": place} | ({"prediction": job} if kind == "predict" else {}), 202)


def _full() -> Refused:
    return refused(429, "the queue has room", "a full queue", "Wait until one is done, or cancel one.")


def _said(error: Invalid) -> dict[str, str]:
    return {"must": error.must, "came": error.came, "do": error.do}


async def _predict(portal: Portal, body: Any) -> Item:
    jobs, uploads = _asked(portal.jobs), _asked(portal.uploads)
    if not isinstance(body, dict) or not all(isinstance(body.get(k), str) for k in ("run", "upload")):
        raise refused(422, "a prediction names a run and an upload", repr(body)[:80], '{"run": ..., "upload": ...}')
    record = await asyncio.to_thread(portal.library.record, body["run"])
    answer = await asyncio.to_thread(uploads.answer, body["upload"])
    if body["run"] in answer["unfit"]:
        reason = answer["unfit"][body["run"]]
        raise refused(
            422, "the record was trained on what the file holds", f"{body['run']} {reason}", "Choose another."
        )
    path = await asyncio.to_thread(uploads.path, body["upload"])
    request = {
        "run": body["run"],
        "upload": body["upload"],
        "file": str(path),
        "name": path.name,
        "task": record.task,
        "method": record.method,
    }
    return await _posted(jobs.post, "predict", request, f"{path.name} by {record.method}")


async def _upload(portal: Portal, request: Request, name: str) -> Item:
    from urllib.parse import unquote

    length = request.headers.get("content-length", "")
    answer = await _asked(portal.uploads).put(unquote(name), length, request.stream())
    if answer["problem"]:
        return _json(answer["problem"], 422)
    return _json(answer, 201)


def _events(portal: Portal, request: Request) -> Response:
    """The stream of one reader; five are added to what is done."""
    jobs = _asked(portal.jobs)
    if len(portal.stream) >= MOST_STREAMS:
        raise refused(503, f"at most {MOST_STREAMS} readers follow jobs", "one more", "Close a page.")

    def replay(job: str, after: int) -> list[Told]:
        return [_completed(portal, told) for told in jobs.events(job, after)]

    last = request.headers.get("last-event-id", request.query_params.get("after", ""))
    body = portal.stream.events(request.query_params.get("job", ""), last[:80], jobs.listed(), replay)
    headers = {**HEADERS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(body, media_type="text/event-stream", headers=headers)


def _completed(portal: Portal, told: Told) -> Told:
    """What is done, with the five of its record."""
    job, number, event = told
    if event["event"] == "done" and event.get("run") and "text" not in event:
        try:
            event = event.copy()
            event["five"] = five(portal.library.record(event.get("run", "")))
        except Invalid:
            return told
    return job, number, event


def completed(portal: Portal, told: Told) -> Told:
    """As `_completed`, after the list of runs was looked at: the record of a job that ends is new."""
    if told[2]["event"] == "done":
        portal.library.refresh()
    return _completed(portal, told)


def _prediction(portal: Portal, job: Job) -> Item:
    found, request = _read(portal, job), _asked(portal.jobs).request(job["job"])
    answer: PredictionAnswer = {
        "prediction": job["job"],
        "run": job["run"],
        "upload": str(request.get("upload", "")),
        "state": job["state"],
        "count": found.get("count", 0),
        "level": found.get("level"),
        "errors": found.get("errors", {}),
        "units": found.get("units", {}),
        "warnings": found.get("warnings", []),
        "notes": found.get("notes", []),
        "samples": found.get("samples", []),
        "file": f"api/predictions/{job['job']}/file" if found.get("file") else "",
        "problem": job["problem"],
    }
    return _json(answer)


def _read(portal: Portal, job: Job) -> dict[str, Any]:
    path = _asked(portal.jobs).folder / job["job"] / "prediction.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")) if job["state"] == "done" else {}
    except (OSError, ValueError):
        return {}


def _predicted(portal: Portal, job: Job) -> Response:
    """The file that came back, in the format that was sent."""
    name = _read(portal, job).get("file", "")
    path = _asked(portal.jobs).folder / job["job"] / name
    if not name or not path.is_file():
        raise refused(404, "a prediction that is done has a file", job["state"], "Wait until it is done.")
    return FileResponse(path, filename=name, media_type="application/octet-stream", headers=dict(HEADERS))

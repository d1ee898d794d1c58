"""`erlangen serve` and `erlangen export`: the map in the browser, live or as files."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import Invalid
from .cli_flags import Parser

if TYPE_CHECKING:
    from ..portal.server import Portal

PORT = 8737
TOKEN = "token"  # in the folder of jobs, while a server runs
NEEDED = ("starlette", "uvicorn", "httptools")


def serve(argv: list[str]) -> int:
    """erlangen serve [--open] [--port N] [--runs FOLDER] [--public]"""
    parser = Parser(prog="erlangen serve", description="The map in the browser: see the field, run a leaf, compare.")
    parser.add_argument("--open", action="store_true", help="open the browser")
    parser.add_argument("--port", type=int, help=f"default {PORT}, or a free one where that is taken")
    parser.add_argument("--runs", "--out", default="runs", help="folder of runs (default: runs)")
    parser.add_argument("--public", action="store_true", help="only show: no jobs, no uploads, no token")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--host-name", action="append", default=[], help="a further name that the server is asked by")
    parser.add_argument("--minutes", type=float, default=10.0, help="the longest budget of a job (default 10)")
    parser.add_argument("--jobs", type=int, default=1, help="jobs at a time (default 1)")
    args = parser.parse(argv)
    _check_installed()
    if args.host not in ("127.0.0.1", "::1", "localhost") and not args.public:
        raise Invalid(
            must="only a server that just shows listens beyond this machine",
            came=f"--host {args.host}",
            do="Add --public, or reach it through ssh -L.",
        )
    listening = _listen(args.host, args.port)
    with contextlib.suppress(ValueError):  # in another thread, whoever started it ends it
        # uvicorn closes on SIGTERM and raises it once more, which would end the process without an orderly end
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    portal = _portal(args, listening.getsockname()[1])
    try:
        _run(portal, listening, args)
    finally:
        if portal.jobs is not None:
            (portal.jobs.folder / TOKEN).unlink(missing_ok=True)
            portal.jobs.close()
    return 0


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Invalid(
            must="the portal needs its extra",
            came=f"no {', '.join(missing)}",
            do="Install it: pip install 'erlangen[portal]'   (erlangen export needs none of it)",
        )


def _listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens. A port that was asked for and is taken is refused; instead of the usual one a free one."""
    reason = ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in [port] if port is not None else [PORT, 0]:
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, number))
            found.listen(512)
            return found
        except (OSError, OverflowError) as error:
            found.close()
            reason = str(getattr(error, "strerror", None) or error)
    raise Invalid(
        must="the port is free and may be listened on",
        came=f"{port if port is not None else PORT}: {reason}",
        do="Name another one with --port, or leave it out: a free one is taken.",
    )


def _portal(args: Any, port: int) -> Portal:
    from ..portal import bundle
    from ..portal.guard import Guard
    from ..portal.jobs import Jobs
    from ..portal.library import Library
    from ..portal.server import Portal
    from ..portal.uploads import Uploads

    runs = Path(args.runs)
    if runs.exists() and not runs.is_dir():
        raise Invalid(must="--runs is a folder", came=str(runs), do="Name the folder that holds your runs.")
    if not runs.exists() or not any(runs.iterdir()):
        print(f"  no runs in {runs} yet: the reference records of the package are shown", file=sys.stderr)
    if not bundle.is_built():
        print(f"  {bundle.MISSING}", file=sys.stderr)
    library = Library(runs, mode="public" if args.public else "served")
    library.limits["minutes"], library.limits["jobs"] = args.minutes, max(args.jobs, 1)
    guard = Guard.fresh(port, tuple(args.host_name), public=args.public)
    jobs = uploads = None
    if not args.public:
        try:
            jobs, uploads = Jobs(library), Uploads(library)
            guard = guard.lasting(jobs.folder / TOKEN)
        except (Invalid, OSError) as error:
            print(f"  only shown, no jobs: {error}", file=sys.stderr)
            library.mode = "public"
    return Portal(library, guard, jobs, uploads)


def _run(portal: Portal, listening: socket.socket, args: Any) -> None:
    import uvicorn

    from ..portal.server import application

    address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    if portal.guard.token:
        address += f"?token={portal.guard.token}"
    logging.basicConfig(format="  %(message)s", level=logging.WARNING)
    print(f"The map: {address}\n(Ctrl-C stops the server; jobs go on and are found by the next one.)", flush=True)
    if args.open:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(address)
    config = uvicorn.Config(
        application(portal),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        http="httptools",
        ws="none",
        proxy_headers=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=2,
        limit_concurrency=1_000,
        h11_max_incomplete_event_size=16_000,
    )
    uvicorn.Server(config).run(sockets=[listening])


def export(argv: list[str]) -> int:
    """erlangen export FOLDER [--runs FOLDER]"""
    parser = Parser(prog="erlangen export", description="The same pages as files: for a host, or a USB stick.")
    parser.add_argument("folder", metavar="FOLDER", help="a new or empty folder, or an earlier export")
    parser.add_argument("--runs", "--out", default="runs", help="folder of runs (default: runs)")
    args = parser.parse(argv)
    from ..portal.export import export as write
    from ..portal.library import Library

    runs = Path(args.runs)
    library = Library(runs if runs.is_dir() else None, mode="export")
    count = write(library, Path(args.folder), lambda text: print(f"  {text}", file=sys.stderr))
    print(f"{count} files in {args.folder}. Open {Path(args.folder) / 'index.html'}")
    return 0

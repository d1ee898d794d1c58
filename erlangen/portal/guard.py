"""Who may ask what: host, origin, token, sizes; and the headers that keep a page from doing more than it should.

A server on loopback is reachable by every page that its user has open and by every other user of the machine. So the
host that was asked for has to be ours (a page elsewhere cannot re-bind its name to us), a token that only the terminal
shows opens the session and then lives in a cookie that no script can read and no other site can send, and whatever
changes something has to come from our own pages.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from ..core.errors import Invalid
from .pages import CSP

COOKIE = "erlangen-{}"  # of the port: cookies do not know ports
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
WRITES = ("POST", "PUT", "DELETE")
MOST_URL, MOST_BODY = 4_000, 100_000
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"{CSP}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclasses.dataclass(frozen=True)
class Refused(Exception):
    """A request that is not answered, with its status."""

    status: int
    reason: Invalid


@dataclasses.dataclass(frozen=True)
class Guard:
    """port: what is listened on. names: further hosts that are ours. token: empty where reading is public."""

    port: int
    names: tuple[str, ...] = ()
    token: str = ""

    @classmethod
    def fresh(cls, port: int, names: tuple[str, ...] = (), *, public: bool = False) -> Guard:
        """With a token of its own."""
        return cls(port, names, "" if public else secrets.token_urlsafe(32))

    def lasting(self, file: Path) -> Guard:
        """With the token that a killed server left in `file`, so that its open pages go on; else its own, kept there.

        Whoever ends in order removes the file. One that others can read, or that is not ours, is not believed.
        """
        with contextlib.suppress(OSError):
            about = file.lstat()
            is_ours = stat.S_ISREG(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077
            kept = file.read_text(encoding="ascii", errors="replace").strip() if is_ours else ""
            if len(kept) == len(self.token) and kept.isascii():
                return dataclasses.replace(self, token=kept)
        file.unlink(missing_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as fresh:
            fresh.write(self.token)
        return self

    def hosts(self) -> set[str]:
        """What may stand in the header Host."""
        known = {f"{name}:{self.port}" for name in (*LOOPBACK, *self.names)}
        return known | {name.lower() for name in self.names} | (set(LOOPBACK) if self.port == 80 else set())

    def check(self, method: str, path: str, headers: Mapping[str, str], cookies: Mapping[str, str], token: str) -> bool:
        """Raise `Refused` where the request is not ours; whether it brought the token in its address."""
        if len(path) > MOST_URL:
            raise refused(
                414, "an address is shorter than that", f"{len(path)} characters", "Follow a link of the site."
            )
        host = headers.get("host", "").lower()
        if host not in self.hosts():
            do = f"Open http://127.0.0.1:{self.port}/, or start the server with --host-name NAME."
            raise refused(421, "a request asks for this server by its name", f"Host: {host[:80]!r}", do)
        opens = bool(self.token) and _same(token, self.token)
        if self.token and not opens and not _same(cookies.get(COOKIE.format(self.port), ""), self.token):
            raise refused(
                401,
                "a session begins with the address that the server printed",
                "a request without its token",
                "Open the address from the terminal once; it holds ?token=...",
            )
        if method in WRITES:
            self._check_write(headers, host)
        return opens

    def _check_write(self, headers: Mapping[str, str], host: str) -> None:
        if not self.token:
            raise refused(403, "a public server only shows", "a request that changes something", "Run erlangen serve.")
        origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "same-origin")
        if origin != f"http://{host}" or site != "same-origin":
            raise refused(
                403,
                "changes come from the pages of this server",
                f"Origin: {origin[:80]!r}, Sec-Fetch-Site: {site[:20]!r}",
                "Use the pages, or the command line.",
            )
        kind = headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in ("application/json", "application/octet-stream", ""):
            raise refused(415, "a body is JSON or raw bytes", kind[:80], "Send application/json or octet-stream.")

    def cookie(self) -> str:
        """The header that keeps the session: no script reads it, no other site sends it."""
        return f"{COOKIE.format(self.port)}={self.token}; HttpOnly; SameSite=Strict; Path=/"


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def refused(status: int, must: str, came: str, do: str) -> Refused:
    """One sentence for one refusal."""
    return Refused(status, Invalid(must=must, came=came, do=do))

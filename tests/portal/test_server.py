"""The server over a real socket: who is let in, what is sent, and that hostile requests end in one sentence each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from portal import shelves

from erlangen.app import cli
from erlangen.app.cli_portal import _listen
from erlangen.core.errors import Invalid
from erlangen.portal import api
from erlangen.portal.guard import Guard
from erlangen.portal.library import Library

FORCES = "2026-11-22-1750-forces-painn-s0"


def test_the_server_needs_neither_jax_nor_numpy():
    code = "import sys, erlangen.portal.server, erlangen.portal.export as e; print({'jax', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_answers_are_those_of_the_api_and_pages_carry_them(client, library):
    for path in ("map", "leaf/continuum/burgers", f"run/{FORCES}", f"run/{FORCES}/plots"):
        status, _, body = client.get(f"/api/{path}.json")
        assert status == 200 and body == api.encoded(api.answer(library, path, {}))
    status, headers, body = client.get(f"/run/{FORCES}/")
    assert status == 200 and headers["content-type"].startswith("text/html") and b"14.20" in body
    assert client.get(f"/run/{FORCES}/index.html")[2] == body


def test_a_reader_who_has_it_gets_304_and_gzip_is_the_same(client):
    import gzip

    status, headers, body = client.get("/api/map.json")
    again = client.get("/api/map.json", **{"If-None-Match": headers["etag"]})
    assert status == 200 and again[0] == 304 and again[2] == b""
    packed = client.get("/api/map.json", **{"Accept-Encoding": "gzip"})
    assert packed[1]["content-encoding"] == "gzip" and gzip.decompress(packed[2]) == body


def test_a_token_opens_the_session_once(client):
    assert client.raw("GET", "/")[0] == 401
    status, headers, _ = client.raw("GET", f"/leaf/quantum/spins/?score=x&token={client.token}")
    assert status == 303 and headers["location"] == "/leaf/quantum/spins/?score=x"
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and client.token not in headers["location"]
    assert client.raw("GET", "/", {"Cookie": cookie.split(";")[0]})[0] == 200
    assert client.raw("GET", "/", {"Cookie": f"erlangen-{client.port}=wrong"})[0] == 401
    assert client.raw("GET", "/?token=wrong")[0] == 401


def test_foreign_hosts_are_refused_even_with_the_token(client):
    for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1", f"127.0.0.1:{client.port + 1}", ""):
        status, _, body = client.get("/", Host=host)
        assert status in (400, 421) and b"Energies" not in body
    assert client.get("/", Host=f"localhost:{client.port}")[0] == 200


def test_every_answer_has_the_headers_that_hold_a_page_in(client):
    for path in ("/", "/nowhere/", "/api/map.json", "/api/nowhere.json", f"/files/{FORCES}/record.json"):
        _, headers, _ = client.get(path)
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers and "server" not in headers


def test_paths_that_lead_elsewhere_find_nothing(client):
    for path in (
        "/../../etc/passwd",
        "/files/../../../etc/passwd",
        f"/files/{FORCES}/../../secret",
        f"/files/{FORCES}/..%2f..%2fsecret",
        "/files/%2fetc/passwd",
        "/files/..%2f..%2f..%2fetc/passwd",
        "/run/..%2f..%2f/",
        "/api/run/%2e%2e%2f%2e%2e.json",
        "/site/../server.py",
        "/site/..%2fserver.py",
        "//etc/passwd",
        "/.index/runs.sqlite",
        "/files/.index/runs.sqlite",
        "/run/%00/",
        "/run/%ff%fe/",
        "/files/" + "a/" * 400,
    ):
        status, _, body = client.get(path)
        assert status in (404, 400), path
        assert b"root:" not in body and b"Traceback" not in body
    assert client.get("/?q=" + "a" * 5_000)[0] == 414


def test_files_of_a_run_are_downloads(client, runs):
    status, headers, body = client.get(f"/files/{FORCES}/record.json")
    assert status == 200 and body == (runs / FORCES / "record.json").read_bytes()
    assert (
        headers["content-disposition"].startswith("attachment")
        and headers["content-type"] == "application/octet-stream"
    )


def test_a_server_that_only_shows_takes_nothing(client, make_server, runs):
    assert client.send("POST", "/api/jobs", {})[0] == 403
    public, _ = make_server(Library(runs, mode="public"), jobs=False, public=True)
    assert public.raw("GET", "/")[0] == 200
    status, said = public.send("POST", "/api/jobs", {})
    assert status == 403 and "only shows" in said["must"]
    assert public.raw("GET", "/api/events")[0] == 404


def test_writes_come_from_our_own_pages_alone(make_server, tmp_path):
    client, _ = make_server(Library(shelves.shelf(tmp_path / "runs"), mode="served"))
    own = f"http://{client.host}"
    for headers, status in (
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": f"http://127.0.0.1:{client.port + 1}"}, 403),
        ({"Origin": own, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": own, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Cookie": "erlangen=x"}, 401),
    ):
        found, said = client.send("POST", "/api/jobs", {"task": "quantum/spins"}, **headers)
        assert found == status and set(said) == {"must", "came", "do", "field"}, headers
    assert client.send("POST", "/api/jobs", b"{" * 200_000)[0] == 413
    assert client.send("POST", "/api/jobs", b"[" * 50_000)[0] == 422
    assert client.send("POST", "/api/jobs", b"not json")[0] == 422
    assert client.send("PUT", "/api/nothing", {})[0] == 405
    assert client.json("/api/jobs.json")[1]["jobs"] == []


def test_a_new_record_appears_without_a_restart(make_server, tmp_path):
    from study import records

    library = Library(shelves.shelf(tmp_path / "runs"), mode="served")
    client, _ = make_server(library, jobs=False)
    before = client.json("/api/runs.json")[1]["count"]
    shelves.keep(tmp_path / "runs", "2026-11-30-0900-burgers-new-s0", records.burgers(value=0.1))
    for _ in range(100):
        time.sleep(0.1)
        if client.json("/api/runs.json")[1]["count"] == before + 1:
            break
    assert client.json("/api/runs.json")[1]["count"] == before + 1


def test_a_port_that_is_taken_is_refused_and_the_usual_one_is_left(capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Invalid, match="the port is free"):
            _listen("127.0.0.1", port)
        monkeypatch.setattr("erlangen.app.cli_portal.PORT", port)
        with _listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] not in (0, port)
    assert cli.main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "--public" in capsys.readouterr().err


def test_serve_and_export_from_the_command_line(tmp_path, runs):
    assert cli.main(["export", str(tmp_path / "site"), "--runs", str(runs)]) == 0
    assert (tmp_path / "site" / "index.html").is_file()
    command = [sys.executable, "-m", "erlangen.app.cli", "serve", "--port", "0", "--runs", str(tmp_path / "none")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd())
    try:
        line = child.stdout.readline()
        assert "http://127.0.0.1:" in line and "?token=" in line
        spent = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        assert sum(map(int, spent)) / os.sysconf("SC_CLK_TCK") <= 2.0  # of processor: others may be at work here
        assert (tmp_path / "none" / ".index" / "jobs" / "token").is_file()
    finally:
        child.terminate()
        _, err = child.communicate(timeout=20)
    assert "no runs in" in err and child.returncode == 0
    assert not (tmp_path / "none" / ".index" / "jobs" / "token").exists()


def test_open_opens_the_address_and_an_orderly_end_leaves_no_token(tmp_path, monkeypatch, capsys):
    opened, kept = [], tmp_path / ".index" / "jobs" / "token"
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("uvicorn.Server.run", lambda *args, **kwargs: opened.append(kept.read_text()))
    assert cli.main(["serve", "--open", "--port", "0", "--runs", str(tmp_path)]) == 0
    address, token = opened
    assert address.endswith(f"/?token={token}") and address in capsys.readouterr().out
    assert not kept.exists()


def test_a_token_outlives_a_server_that_was_killed_and_no_other(tmp_path):
    first, second = Guard.fresh(8000), Guard.fresh(8000)
    assert first.lasting(tmp_path / "token") == first
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert second.lasting(tmp_path / "token").token == first.token
    (tmp_path / "token").chmod(0o644)  # somebody may have read it
    assert second.lasting(tmp_path / "token").token == second.token
    (tmp_path / "token").write_text("guessed")
    assert first.lasting(tmp_path / "token").token == first.token
    (tmp_path / "secret").write_text(second.token)
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    assert first.lasting(tmp_path / "link").token == first.token and (tmp_path / "secret").read_text() == second.token


def test_problems_are_json_for_answers_and_words_for_pages(client):
    status, said = client.json("/api/leaf/quantum/spinz.json")
    assert status == 404 and "quantum/spins" in said["do"]
    status, _, body = client.get("/leaf/quantum/spinz/")
    assert (
        status == 404 and b"quantum/spins" in body and json.loads(body.split(b'id="data">')[1].split(b"<")[0]) is None
    )

"""Downloads from a server on this machine that fails in every way a real one does."""

from __future__ import annotations

import hashlib
import http.server
import threading

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.data import downloads
from erlangen.data.downloads import DataSet, RemoteFile, fetch

BODY = np.random.default_rng(0).bytes(3_000_000)
FILE = RemoteFile(len(BODY), hashlib.sha256(BODY).hexdigest())


class Handler(http.server.BaseHTTPRequestHandler):
    """/WAY/name: good, cut (closes after a third), noranges, wrong, missing, busy (503 twice), html."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        way = self.path.split("/")[1]
        seen = self.server.seen
        seen.append((way, self.headers.get("Range")))
        if way == "missing" or (way == "busy" and len([w for w, _ in seen if w == way]) < 3):
            self.send_error(404 if way == "missing" else 503)
            return
        body = bytes(reversed(BODY)) if way == "wrong" else b"<html>" if way == "html" else BODY
        start = 0
        if (wanted := self.headers.get("Range")) and way != "noranges":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        piece = body[start:]
        self.wfile.write(piece[:1_200_000] if way == "cut" else piece)
        self.close_connection = True

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "TIMEOUT", 5.0)
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def data(server, *ways, port=None, file=FILE):
    where = f"http://127.0.0.1:{port or server.server_address[1]}"
    return DataSet("noise", "CC0", "nobody", tuple(f"{where}/{way}/{{file}}" for way in ways), {"a.bin": file})


def names(path):
    return sorted(p.name for p in path.parent.iterdir() if not p.name.endswith(".lock"))


def test_fetched_once_with_licence_and_progress(server):
    told, steps = [], []
    path = fetch(data(server, "good"), say=told.append, progress=lambda *step: steps.append(step))["a.bin"]
    assert path.read_bytes() == BODY and "Licence: CC0" in told[0] and len(told) == 1
    assert steps[-1] == ("a.bin", len(BODY), len(BODY)) and names(path) == ["a.bin"]
    assert fetch(data(server, "missing"), say=told.append)["a.bin"] == path
    assert len(told) == 1 and len(server.seen) == 1


def test_cut_connections_are_resumed_where_they_stopped(server):
    path = fetch(data(server, "cut"), say=lambda line: None)["a.bin"]
    assert path.read_bytes() == BODY
    assert server.seen == [("cut", None), ("cut", "bytes=1200000-"), ("cut", "bytes=2400000-")]


def test_resumes_what_an_earlier_process_left_and_copes_without_ranges(server, tmp_path):
    for way in ("good", "noranges"):
        folder = tmp_path / way
        folder.mkdir()
        (folder / "a.bin.part").write_bytes(BODY[:1_000_000])
        path = fetch(data(server, way), folder=folder, say=lambda line: None)["a.bin"]
        assert path.read_bytes() == BODY and server.seen[-1] == (way, "bytes=1000000-")


def test_leftovers_of_another_file_are_set_aside_and_fetched_anew(server, tmp_path):
    told = []
    (tmp_path / "a.bin.part").write_bytes(bytes(1_000_000))
    path = fetch(data(server, "good"), folder=tmp_path, say=told.append)["a.bin"]
    assert path.read_bytes() == BODY and "set aside" in told[1] and [way for way, _ in server.seen] == ["good", "good"]
    (tmp_path / "a.bin.part").write_bytes(bytes(4_000_000))
    path.unlink()
    assert fetch(data(server, "good"), folder=tmp_path, say=told.append)["a.bin"].read_bytes() == BODY


@pytest.mark.parametrize("first", ["wrong", "missing", "html", "dead"])
def test_the_next_mirror_helps(server, first):
    told = []
    mirrors = data(server, first, "good").mirrors
    if first == "dead":
        mirrors = ("http://127.0.0.1:1/{file}", mirrors[1])
    path = fetch(DataSet("noise", "CC0", "nobody", mirrors, {"a.bin": FILE}), say=told.append)["a.bin"]
    assert path.read_bytes() == BODY
    aside = [name for name in names(path) if ".wrong-" in name]
    assert bool(aside) == (first == "wrong") and (first != "wrong" or "set aside" in told[1])


def test_busy_servers_are_asked_again(server):
    assert fetch(data(server, "busy"), say=lambda line: None)["a.bin"].read_bytes() == BODY


def test_all_mirrors_dead_says_each_reason(server):
    with pytest.raises(Invalid) as caught:
        fetch(data(server, "missing", "wrong", "html"), say=lambda line: None)
    text = str(caught.value)
    assert (
        "404" in text
        and "offers 6 bytes" in text
        and "do not match the checksum" in text
        and "a.bin yourself" in text
        and FILE.sha256 in text
    )


def test_damaged_file_in_the_cache_is_replaced(server):
    told = []
    path = fetch(data(server, "good"), say=told.append)["a.bin"]
    path.write_bytes(BODY[:-1] + b"x")
    assert fetch(data(server, "good"), say=told.append)["a.bin"].read_bytes() == BODY
    assert any("set aside" in line for line in told)


def test_two_at_once_fetch_once(server):
    found = []
    workers = [threading.Thread(target=lambda: found.append(fetch(data(server, "good"), say=print))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 4 and len(server.seen) == 1 and found[0]["a.bin"].read_bytes() == BODY


def test_unwritable_folder_and_unknown_names(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="can be written"):
        fetch(data(server, "good"), folder=tmp_path / "file" / "x", say=lambda line: None)
    with pytest.raises(Invalid, match=r"Did you mean: .*acac"):
        fetch("acca")
    with pytest.raises(Invalid, match=r"Did you mean: .*train_300K\.xyz"):
        fetch("acac", ["train_30K.xyz"])


def test_catalogue_is_complete():
    for data_set in downloads.catalogue().values():
        assert data_set.licence and data_set.cite and data_set.files
        assert all(len(file.sha256) == 64 and file.bytes > 0 for file in data_set.files.values())
        assert all(url.startswith("https://") and "{file}" in url for url in data_set.mirrors)

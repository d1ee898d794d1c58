"""Files of readers: read by a worker, refused in one sentence each, and gone after an hour."""

from __future__ import annotations

import gzip
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
from portal import shelves

from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.data.field_files import write_fields
from erlangen.portal import processes, readings, uploads
from erlangen.portal.library import Library

WATER = "3\nProperties=species:S:1:pos:R:3 energy=-1.0\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"


@pytest.fixture
def served(make_server, tmp_path, monkeypatch):
    """A server whose reading worker reads in a thread of its own process: no second start of Python."""

    class Child:
        pid = 0

        def wait(self):
            return 0

    def start(words, log):
        from erlangen.portal import worker

        monkeypatch.setattr("resource.setrlimit", lambda *limits: None)
        worker.read(Path(words[1]))
        return Child()

    monkeypatch.setattr(processes, "start", start)
    library = Library(shelves.shelf(tmp_path / "runs"), mode="served")
    return make_server(library)


def put(client, name, body):
    return client.send("PUT", f"/api/uploads/{name}", body, **{"Content-Type": "application/octet-stream"})


def test_a_file_of_atoms_says_what_it_holds_and_who_can_answer(served):
    client, portal = served
    status, found = put(client, "water.xyz", (WATER * 3).encode())
    assert status == 201 and (found["kind"], found["count"], found["elements"]) == ("Atoms", 3, [1, 8])
    assert found["preview"]["atomic_numbers"]["values"] == [8, 1, 1]
    assert found["fits"] == ["2026-11-22-1750-forces-painn-s0"]
    again = client.json(f"/api/uploads/{found['upload']}.json")[1]
    assert again == found
    kept = portal.uploads.path(found["upload"])
    assert kept.read_text() == WATER * 3 and kept.parent.parent.name == "inputs"
    status, started = client.send("POST", "/api/predictions", {"run": found["fits"][0], "upload": found["upload"]})
    assert status == 202 and client.json(f"/api/predictions/{started['prediction']}.json")[1]["state"]


def test_an_element_that_a_record_never_saw_is_refused_in_words(served):
    client, _ = served
    _, found = put(client, "salt.xyz", b"1\n\nNa 0 0 0\n")
    assert found["fits"] == [] and "11" in found["unfit"]["2026-11-22-1750-forces-painn-s0"]
    request = {"run": "2026-11-22-1750-forces-painn-s0", "upload": found["upload"]}
    status, said = client.send("POST", "/api/predictions", request)
    assert status == 422 and "never saw the elements with numbers 11" in said["came"]


NOISE = random.Random(0).randbytes(200)


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("evil.pkl", b"x", 415),
        ("evil", b"x", 415),
        ("page.html", b"x", 415),
        ("..%2f..%2fx.xyz", b"x", 422),
        (".hidden.xyz", b"x", 422),
        ("a%00.xyz", b"x", 422),
        ("a:energy=x.xyz", b"x", 422),
        ("broken.xyz", b"three\nno\n", 422),
        ("empty.cif", b"", 422),
        ("broken.pdb", b"ATOM " + b"\xff" * 200, 422),
        ("broken.nc", b"CDF\x01" + NOISE, 422),
        ("broken.h5", b"\x89HDF\r\n\x1a\n" + NOISE, 422),
        ("broken.npz", b"PK\x03\x04" + NOISE, 422),
        ("broken.sdf", b"$$$$\n$$$$\n", 422),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_refused_in_one_sentence(served, name, body, status):
    client, portal = served
    found, said = put(client, name, body)
    assert found == status and said["must"] and said["do"], said
    assert str(portal.uploads.folder) not in str(said)
    assert client.json("/api/about.json")[0] == 200


def test_bombs_and_large_bodies_are_refused_before_they_are_kept(served, monkeypatch):
    client, portal = served
    status, said = put(client, "bomb.xyz.gz", gzip.compress(b"0" * 60_000_000))
    assert status == 422 and "unpacks to at most" in said["must"]
    portal.library.limits["upload_mb"] = 1
    status, said = put(client, "large.xyz", b"0" * 1_500_000)
    assert status == 413 and "at most 1 MB" in said["must"]
    giant = {"Content-Length": str(10**9), "Content-Type": "application/octet-stream"}
    status, said = client.send("PUT", "/api/uploads/giant.xyz", b"", **giant)
    assert status == 413
    assert not list(portal.uploads.folder.glob("*/large.xyz"))


def test_one_layer_of_gzip_is_taken_off(tmp_path):
    (tmp_path / "w.xyz.gz").write_bytes(gzip.compress(WATER.encode()))
    assert readings.reading(tmp_path / "w.xyz.gz")["count"] == 1
    (tmp_path / "w.xyz.gz.gz").write_bytes(gzip.compress(gzip.compress(WATER.encode())))
    with pytest.raises(Invalid, match="packed once"):
        readings.reading(tmp_path / "w.xyz.gz.gz")


def test_a_file_of_fields_says_its_arrays(tmp_path):
    fields = [Field({"u": np.sin(np.arange(16.0))}, (0.1,)) for _ in range(4)]
    write_fields(tmp_path / "f.npz", fields)
    found = readings.reading(tmp_path / "f.npz")
    assert found["kind"] == "Field" and found["count"] == 4 and found["grid"]["arrays"]["u"] == [4, 16]


def test_old_uploads_are_removed(served):
    client, portal = served
    _, found = put(client, "water.xyz", WATER.encode())
    folder = portal.uploads.folder / found["upload"]
    assert portal.uploads.remove_old() == 0
    old = time.time() - uploads.SECONDS_KEPT - 10
    os.utime(folder, (old, old))
    assert portal.uploads.remove_old() == 1 and not folder.exists()
    assert client.json(f"/api/uploads/{found['upload']}.json")[0] == 404


@pytest.mark.slow
def test_a_real_reader_is_held_by_its_limits(make_server, tmp_path):
    client, _ = make_server(Library(shelves.shelf(tmp_path / "runs"), mode="served"))
    status, found = put(client, "water.xyz", WATER.encode())
    assert status == 201 and found["elements"] == [1, 8]

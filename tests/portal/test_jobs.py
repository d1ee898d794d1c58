"""Jobs: refused in words, followed step by step, none lost or run twice when the server is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from portal import shelves

from erlangen.core.errors import Invalid
from erlangen.portal import forms, processes, worker
from erlangen.portal.jobs import Full, Jobs
from erlangen.portal.library import Library

REQUEST = {
    "task": "quantum/spins",
    "task_fields": {},
    "method": "rbm",
    "method_fields": {},
    "wraps": [],
    "budget": "10s",
}
WORKER = """
import json, os, sys, time
from pathlib import Path
folder, runs, attempt = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
request = json.loads((folder / "request.json").read_text())
def write(event, **more):
    with open(folder / "events.jsonl", "a") as file:
        file.write(json.dumps({"job": folder.name, "at": time.time(), "event": event, **more}) + "\\n")
kept = folder / "checkpoint"
done = int(kept.read_text()) if kept.exists() else 0
with open(folder / "starts", "a") as file:
    file.write(f"{attempt} {done}\\n")
for step in range(done, request["seed"]):
    time.sleep(0.02)
    (folder / "draft").write_text(str(step + 1))
    (folder / "draft").replace(kept)
    write("step", step=step + 1, total=request["seed"], figures={"loss": 1.0 / (step + 1)}, rate=None, left=None)
with open(runs / "finished", "a") as file:
    file.write(folder.name + "\\n")
write("done", run="")
"""


@pytest.fixture
def library(tmp_path):
    return Library(shelves.shelf(tmp_path / "runs"), mode="served")


@pytest.fixture
def small_worker(monkeypatch, tmp_path):
    """A worker of 30 lines instead of one with JAX: steps, a checkpoint, a line at the end."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)

    def start(words, log):
        command = [sys.executable, "-S", str(script), *words[1:]]
        return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, close_fds=True)

    monkeypatch.setattr(processes, "start", start)


def until(jobs, finished, seconds=60.0):
    """Tick until `finished(listed)`; every event on the way."""
    told, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        told += jobs.tick()
        if finished(jobs.listed()):
            return told
        time.sleep(0.02)
    raise AssertionError([(one["job"], one["state"], one["problem"]) for one in jobs.listed()])


def all_over(listed):
    return all(one["state"] in ("done", "failed", "cancelled") for one in listed)


def test_a_job_is_followed_to_its_end(library, small_worker):
    jobs = Jobs(library)
    job, place = jobs.post("run", {**REQUEST, "seed": 5}, "rbm")
    assert place == 0 and jobs.listed()[0]["state"] == "queued"
    told = until(jobs, all_over)
    told += jobs.tick()
    words = [event["event"] for _, _, event in told]
    assert words == ["queued", "started", *["step"] * 5, "done"]
    assert [number for _, number, _ in told] == list(range(8))
    assert jobs.events(job, 5) == [one for one in told if one[1] > 5]
    found = jobs.find(job)
    assert found["state"] == "done" and found["step"] == 5 and found["figures"]["loss"] == 0.2
    jobs.close()


def test_ten_jobs_over_a_server_killed_twice_none_lost_none_doubled(library, small_worker):
    """A killed server leaves workers behind: some go on, some are killed too. Every job finishes exactly once."""
    library.limits["jobs"] = 2
    jobs = Jobs(library)
    names = [jobs.post("run", {**REQUEST, "seed": 20}, "rbm")[0] for _ in range(10)]
    for _ in range(2):
        until(jobs, lambda listed: any(one["state"] == "running" and one["step"] > 3 for one in listed))
        running = jobs._running()
        jobs.close()  # a server that is gone: its workers are not
        os.killpg(running[0]["pid"], signal.SIGKILL)
        time.sleep(0.1)
        jobs = Jobs(library)
    until(jobs, all_over)
    assert {one["job"]: one["state"] for one in jobs.listed()} == dict.fromkeys(names, "done")
    finished = (library.runs / "finished").read_text().split()
    assert sorted(finished) == sorted(names)
    starts = {name: (jobs.folder / name / "starts").read_text().splitlines() for name in names}
    again = [lines for lines in starts.values() if len(lines) > 1]
    assert 1 <= len(again) <= 2 and all(int(lines[1].split()[1]) > 0 for lines in again)  # from the checkpoint
    jobs.close()


def test_one_server_owns_the_queue_of_a_folder(library):
    jobs = Jobs(library)
    with pytest.raises(Invalid, match="one server at a time"):
        Jobs(library)
    jobs.close()
    Jobs(library).close()


def test_cancelling_waiting_and_running_jobs(library, small_worker):
    jobs = Jobs(library)
    first, second = (jobs.post("run", {**REQUEST, "seed": 10_000}, "rbm")[0] for _ in range(2))
    until(jobs, lambda listed: any(one["step"] > 1 for one in listed))
    assert jobs.cancel(second) and jobs.find(second)["state"] == "cancelled"
    pid = jobs._row(first)["pid"]
    assert jobs.cancel(first)
    until(jobs, all_over)
    assert jobs.find(first)["state"] == "cancelled" and not processes.born(pid)
    assert not jobs.cancel(first) and not jobs.cancel("0" * 16)
    jobs.close()


def test_too_long_and_too_many(library, small_worker, monkeypatch):
    jobs = Jobs(library)
    monkeypatch.setattr("erlangen.portal.jobs.WALL_SECONDS", 0.3)
    library.limits["minutes"] = 0.0
    job, _ = jobs.post("run", {**REQUEST, "seed": 10_000}, "rbm")
    until(jobs, all_over)
    assert jobs.find(job)["state"] == "failed" and "minutes" in jobs.find(job)["problem"]["must"]
    library.limits["queue"] = 3
    for _ in range(3):
        jobs.post("run", {**REQUEST, "seed": 1}, "rbm")
    with pytest.raises(Full):
        jobs.post("run", {**REQUEST, "seed": 1}, "rbm")
    jobs.close()


def resolve(identity):
    raise Invalid(must="an upload", came=identity, do="Upload.")


def test_settings_are_read_as_their_kind(library):
    body = {
        "task": "molecules/forces",
        "task_fields": {"molecule": "ethanol", "temperature": "450", "n_train": "200"},
        "method": "painn",
        "method_fields": {"training": {"rate": 0.001}},
        "wraps": [{"name": "conformal", "settings": {"level": 0.8}}],
        "budget": "2m",
        "seed": 3,
    }
    found = forms.checked(library, body, resolve)
    assert found["task_fields"] == {"molecule": "ethanol", "temperature": 450.0, "n_train": 200}
    assert found["budget"] == "120s" and found["wraps"][0]["settings"] == {"level": 0.8}
    assert found["method_fields"]["training"]["rate"] == 0.001


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"task": "quantum/spinz"}, "task"),
        ({"task": ["quantum/spins"]}, "task"),
        ({"method": "../../etc"}, "method"),
        ({"task_fields": {"sites": "many"}}, "task_fields.sites"),
        ({"task_fields": {"sites": float("nan")}}, "task_fields.sites"),
        ({"task_fields": {"sitez": 8}}, "task_fields.sitez"),
        ({"task_fields": {"model": "isng"}}, "task_fields.model"),
        ({"task_fields": {"model": "x" * 1000}}, "task_fields.model"),
        ({"task_fields": [1]}, "task_fields"),
        ({"budget": "1h"}, "budget"),
        ({"budget": "forever"}, "budget"),
        ({"budget": {"a": 1}}, "budget"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"wraps": [{"name": "os"}]}, "wraps"),
        ({"wraps": ["conformal"] * 9}, "wraps"),
        ({"other": 1}, ""),
    ],
)
def test_refused_requests_name_their_field(library, changed, field):
    with pytest.raises(forms.Refusal) as refusal:
        forms.checked(library, {**REQUEST, "seed": 0, **changed}, resolve)
    assert refusal.value.field == field and refusal.value.reason.do


def test_files_are_uploads_never_paths(library):
    body = {**REQUEST, "task": "molecules/forces", "method": "painn", "task_fields": {"data": "/etc/passwd"}, "seed": 0}
    with pytest.raises(Invalid, match="an upload"):
        forms.checked(library, body, resolve)
    body["task_fields"] = {"data": "0123456789abcdef"}
    found = forms.checked(library, body, lambda identity: Path("/kept") / identity)
    assert found["task_fields"]["data"] == "/kept/0123456789abcdef"


def test_the_journal_writes_few_steps_and_every_message(tmp_path):
    journal = worker.Journal(tmp_path)
    for step in range(1, 101):
        journal("step", {"step": step, "total": 100, "figures": {"loss": 1.0, "bad": float("nan"), "step": step}})
    journal("said", {"text": "budget used up"})
    journal("began", {"run": "a-run"})
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert lines[0]["step"] == 1 and lines[-2]["step"] == 100 and len(lines) < 10
    assert lines[-1]["text"] == "budget used up" and lines[0]["figures"] == {"loss": 1.0}
    assert (tmp_path / "run.txt").read_text() == "a-run"


@pytest.mark.slow
def test_a_real_job_makes_a_record_and_its_events_come_over_the_wire(make_server, tmp_path):
    library = Library(shelves.shelf(tmp_path / "runs"), mode="served")
    client, _ = make_server(library)
    status, started = client.send("POST", "/api/jobs", {**REQUEST, "task_fields": {"sites": 8}, "budget": "3steps"})
    assert status == 202
    end = time.monotonic() + 300
    while (job := client.json("/api/jobs.json")[1]["jobs"][0])["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.5)
    assert job["state"] == "done", job
    time.sleep(1.5)
    assert client.json(f"/api/run/{job['run']}.json")[1]["row"]["task"] == "quantum/spins"
    assert started["job"] == job["job"]

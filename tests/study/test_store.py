from __future__ import annotations

import dataclasses
import errno
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from erlangen.core.errors import Invalid
from erlangen.study import store
from erlangen.study.record import Record

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers


def put(root: Path, count: int = 1, **changes) -> list[Path]:
    folders = []
    for seed in range(count):
        record = dataclasses.replace(burgers(seed=seed), **changes)
        folder = store.new_run(root, record.task, record.method, seed)
        store.add(dataclasses.replace(record, run=folder.name), folder)
        folders.append(folder)
    return folders


def test_a_run_comes_back_as_it_was_added(tmp_path):
    (folder,) = put(tmp_path)
    (run,) = store.runs(tmp_path)
    assert (run.name, run.task, run.method, run.state) == (folder.name, "continuum/burgers", "fno", "done")
    assert (run.score, run.value, run.unit) == ("nrmse", 0.41, "%")
    assert Record.read(folder).task_fields["viscosity"] == 0.01


def test_a_record_keeps_the_cost_of_trajectories_and_older_ones_load_without():
    record = burgers()
    assert Record.from_json(record.to_json()) == record
    old = json.loads(record.to_json())
    del old["rollout_cost"]
    old["solvers"] = [row for row in old["solvers"] if row["steps"] == 1]
    for row in [*old["solvers"], old["cost"]]:
        del row["steps"]
        row.pop("errors", None)
    read = Record.from_json(json.dumps(old))
    assert read.rollout_cost is None and read.cost == record.cost
    assert read.solvers == [row for row in record.solvers if row.steps == 1]


def test_names_are_readable_and_never_shared(tmp_path):
    first = store.new_run(tmp_path, "molecules/forces", "painn", 3, label="ethanol")
    second = store.new_run(tmp_path, "molecules/forces", "painn", 3, label="ethanol")
    assert first != second and first.is_dir() and second.is_dir()
    assert first.name.endswith("-ethanol-painn-s3") and first.name[:2] == "20"
    odd = store.new_run(tmp_path, "molecules/forces", "painn", 0, label="CC(=O)/C=C\\C ../x")
    assert odd.parent == tmp_path


def test_filters_order_and_limit(tmp_path):
    for value, task in ((0.5, "continuum/burgers"), (0.2, "continuum/burgers"), (9.0, "molecules/forces")):
        record = dataclasses.replace(burgers(value=value), task=task)
        store.add(record, store.new_run(tmp_path, task, "fno", 0))
    assert len(store.runs(tmp_path, "continuum")) == 2
    assert len(store.runs(tmp_path, "continuum/burgers", "fno")) == 2
    assert store.runs(tmp_path, method="painn") == []
    assert [r.value for r in store.runs(tmp_path, "continuum", order="score")] == [0.2, 0.5]
    assert len(store.runs(tmp_path, limit=1)) == 1
    with pytest.raises(Invalid, match="Did you mean: newest"):
        store.runs(tmp_path, order="newst")


def test_repetitions_are_found_by_what_was_asked_for(tmp_path):
    put(tmp_path, 3)
    r = burgers(seed=1)
    same = store.identity(r.task, r.task_fields, r.method, r.method_fields, r.wraps, 1, r.budget)
    other = store.identity(
        r.task, {**r.task_fields, "viscosity": 0.02}, r.method, r.method_fields, r.wraps, 1, r.budget
    )
    assert [run.seed for run in store.runs(tmp_path, like=same)] == [1]
    assert store.runs(tmp_path, like=other) == []


def test_the_folders_are_the_truth(tmp_path):
    a, b, c = put(tmp_path, 3)
    shutil.rmtree(a)
    put(tmp_path / "elsewhere")
    moved = tmp_path / "moved"
    next(f for f in (tmp_path / "elsewhere").iterdir() if f.name != ".index").rename(moved)
    shutil.rmtree(tmp_path / "elsewhere")
    assert {run.name for run in store.runs(tmp_path)} == {b.name, c.name, "moved"}


def test_a_run_that_was_still_open_is_read_again(tmp_path):
    (folder,) = put(tmp_path, state="running")
    assert store.runs(tmp_path)[0].state == "running"
    time.sleep(0.01)
    burgers(value=0.1).write(folder)  # as a process that was killed between writing and indexing leaves it
    (run,) = store.runs(tmp_path)
    assert (run.state, run.value) == ("done", 0.1)


@pytest.mark.parametrize("damage", [b"not a database at all" * 400, b"", None])
def test_a_broken_index_is_set_aside_and_rebuilt(tmp_path, damage):
    put(tmp_path, 5)
    file = tmp_path / ".index" / "runs.sqlite"
    whole = file.read_bytes()
    # None: a hole in the middle of a file that still looks like a database
    file.write_bytes(whole[:200] + bytes(len(whole) - 200) if damage is None else damage)
    messages = []
    assert len(store.runs(tmp_path, say=messages.append)) == 5
    assert len(messages) == 1 and "set aside as" in messages[0]
    assert list((tmp_path / ".index").glob("broken-*.sqlite"))
    assert len(store.runs(tmp_path, say=messages.append)) == 5 and len(messages) == 1


def test_a_missing_index_is_rebuilt(tmp_path):
    put(tmp_path, 3)
    shutil.rmtree(tmp_path / ".index")
    assert len(store.runs(tmp_path)) == 3
    assert store.rebuild(tmp_path) == 3


def test_an_index_of_another_version_is_rebuilt(tmp_path):
    put(tmp_path, 2)
    with store.contextlib.closing(store._connect(tmp_path / ".index" / "runs.sqlite")) as index:
        index.execute("ALTER TABLE runs DROP COLUMN fit_seconds")
    assert len(store.runs(tmp_path, say=lambda message: None)) == 2


def test_a_broken_record_is_named_and_left_out(tmp_path):
    good, bad = put(tmp_path, 2)
    (bad / "record.json").write_text('{"format": "erlangen-record-1", "scores"')
    shutil.rmtree(tmp_path / ".index")
    messages = []
    assert [run.name for run in store.runs(tmp_path, say=messages.append)] == [good.name]
    assert messages and bad.name in messages[0]


def _write_many(root: str, count: int) -> None:
    put(Path(root), count)


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(str(tmp_path), 40)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    with store.contextlib.closing(store._connect(tmp_path / ".index" / "runs.sqlite")) as index:
        assert index.execute("SELECT count(*) FROM runs").fetchone()[0] == 120
    assert len(store.runs(tmp_path)) == 120


def test_processes_that_find_a_broken_index_at_once_agree(tmp_path):
    put(tmp_path, 10)
    (tmp_path / ".index" / "runs.sqlite").write_bytes(b"x" * 5000)
    code = f"from erlangen.study import store; print(len(store.runs({str(tmp_path)!r}, say=lambda m: None)))"
    readers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [reader.communicate(timeout=60)[0].strip() for reader in readers] == ["10"] * 4


def test_folders_that_cannot_be_written_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "runs", Path("/proc/erlangen-runs")):
        with pytest.raises(Invalid, match="must be writable"):
            store.new_run(root, "continuum/burgers", "fno", 0)
    with monkeypatch.context() as patch:
        patch.setattr(store.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
        with pytest.raises(Invalid, match="MB free"):
            store.new_run(tmp_path / "runs", "continuum/burgers", "fno", 0)
    folder = store.new_run(tmp_path / "runs", "continuum/burgers", "fno", 0)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Record, "write", full)
    with pytest.raises(Invalid, match="no space left"):
        store.add(burgers(), folder)


def test_the_list_needs_neither_jax_nor_numpy():
    code = "import sys, erlangen.study.store; print([m for m in ('jax', 'numpy', 'equinox') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_two_thousand_runs_list_fast(tmp_path):
    text = burgers().to_json()
    for i in range(2000):
        folder = tmp_path / f"run-{i:05d}"
        folder.mkdir()
        (folder / "record.json").write_text(text)
    assert len(store.runs(tmp_path)) == 2000
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        store.runs(tmp_path)
        best = min(best, time.perf_counter() - start)
    assert best < 0.1

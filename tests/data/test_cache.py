"""The cache of samples: any container comes back bit for bit; no crash, race or damage loses or spoils an entry."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from erlangen.contract import Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms, Electrons, Field, SpinLattice
from erlangen.data import cache, source_code
from erlangen.data.folders import root
from erlangen.data.packing import pack, unpack
from erlangen.data.source_code import fingerprint
from erlangen.data.sources import Source


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))
    cache._in_memory.clear()
    cache._seconds.clear()
    return tmp_path / "cache"


def same(a, b):
    """Equal in structure, type of number and every bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if dataclasses.is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and (a == b or a != a)


def named(produce=None, **settings):
    return cache.key("test", settings, made_by=(produce or molecules,))


def molecules(sizes=(3, 1, 5, 3)):
    rng = np.random.default_rng(0)
    inputs = [Atoms(rng.normal(size=(n, 3)), np.arange(1, n + 1, dtype=np.int32)) for n in sizes]
    forces = [rng.normal(size=(n, 3)).astype(np.float32) for n in sizes]
    return Samples(inputs, {"energy": [float(n) for n in sizes], "forces": forces}, np.array([0, 0, 1, 1]))


numbers = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int32, np.bool_, np.complex128]),
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
)


@st.composite
def systems(draw):
    kind = draw(st.sampled_from(["atoms", "spins", "electrons", "field"]))
    if kind == "spins":
        return SpinLattice(draw(hnp.arrays(np.int8, st.integers(1, 6))))
    n = draw(st.integers(1, 5))
    points = draw(hnp.arrays(np.float64, (n, 3), elements=st.floats(-9, 9)))
    if kind == "electrons":
        return Electrons(points, points[:1], np.ones(1), n_up=draw(st.integers(0, n)))
    if kind == "atoms":
        labels = draw(st.sampled_from([{}, {"charge": -1, "spin": 0.5}, {"residue": np.array(["ALA", "G"] * n)[:n]}]))
        return Atoms(points, np.arange(1, n + 1), labels=labels)
    values = {"u": draw(hnp.arrays(np.float32, (n,), elements=st.floats(-1, 1, width=32)))}
    return Field(values, spacing=(draw(st.floats(0.01, 1)),), parameters={"viscosity": draw(st.floats(0, 1))})


@settings(max_examples=60, deadline=None)
@given(st.lists(systems(), min_size=1, max_size=6), st.data())
def test_samples_of_all_containers_come_back_bit_for_bit(inputs, data):
    energy = data.draw(st.lists(st.floats(allow_nan=False), min_size=len(inputs), max_size=len(inputs)))
    field = np.arange(2.0 * len(inputs)).reshape(-1, 2)
    group = data.draw(st.none() | hnp.arrays(np.int64, len(inputs)))
    samples = Samples(inputs, {"energy": energy, "field": field}, group)
    back = unpack(*pack(samples))
    assert same(list(samples.inputs), back.inputs)
    assert same(dict(samples.outputs), dict(back.outputs))
    assert group is None or np.array_equal(group, back.group)


def test_ragged_outputs_and_jax_arrays():
    import jax.numpy as jnp

    samples = Samples([SpinLattice(jnp.ones(4))], {"x": [jnp.arange(3.0)]})
    back = unpack(*pack(samples))
    assert isinstance(back.inputs[0].spins, np.ndarray) and back.outputs["x"][0].tolist() == [0, 1, 2]
    ragged = molecules()
    assert same(dict(ragged.outputs), dict(unpack(*pack(ragged)).outputs))


def test_what_cannot_be_written_down_is_refused():
    with pytest.raises(Invalid, match="numbers, texts and arrays"):
        pack(Samples([SpinLattice(np.array([object()]))], {}))
    with pytest.raises(Invalid, match="one value per input"):
        pack(Samples([SpinLattice(np.ones(2))], {"energy": [1.0, 2.0]}))
    with pytest.raises(Invalid, match=r"key\.law"):
        cache.canonical({"law": lambda x: x})
    with pytest.raises(Invalid, match="key"):
        cache.canonical({"nu": float("nan")})


def test_produced_once_and_the_cost_is_kept(folder):
    calls = []

    def produce():
        calls.append(1)
        time.sleep(0.05)
        return molecules()

    assert not folder.exists()
    first = cache.remembered(named(T=300, molecule="ethanol"), produce)
    second = cache.remembered(named(molecule="ethanol", T=300), produce)
    assert len(calls) == 1 and same(list(first.inputs), list(second.inputs)) and same(first.outputs, second.outputs)
    cache._seconds.clear()  # as in another process
    assert 0.05 <= cache.cost_of(named(T=300, molecule="ethanol")) < 5
    assert cache.cost_of(named(T=301, molecule="ethanol")) is None
    cache.remembered(named(molecule="ethanol", T=301), produce)
    assert len(calls) == 2 and len(cache.entries()) == 2 and cache.verify() == []
    assert cache.clear(older_than=3600) == 0
    assert cache.clear() > 0 and cache.entries() == []


@pytest.mark.parametrize("part", ["arrays.npz", "entry.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_damage_is_found_set_aside_and_repaired(part, damage):
    key, told = named(a=1), []
    cache.remembered(key, molecules)
    (entry,) = cache.entries()
    file = entry.folder / part
    raw = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    else:
        raw[len(raw) // 2] ^= 1
        file.write_bytes(raw if damage == "flip" else raw[: len(raw) // 2])
    assert [broken.folder for broken in cache.verify()] == [entry.folder]
    again = cache.remembered(key, molecules, say=told.append)
    assert same(list(again.inputs), list(molecules().inputs))
    assert len(told) == 1 and "damaged" in told[0] and "set aside" in told[0]
    assert len(cache.verify()) == 1 and ".broken-" in cache.verify()[0].folder.name
    cache.clear(older_than=3600)
    assert cache.verify() == [] and len(cache.entries()) == 1


SCRIPT = textwrap.dedent(
    """
    import sys, time
    import numpy as np
    from erlangen.contract import Samples
    from erlangen.core.systems import SpinLattice
    from erlangen.data import cache

    def produce():
        with open(sys.argv[1], "a") as log:
            log.write("x")
        time.sleep(float(sys.argv[3]))
        spins = [SpinLattice(np.full(int(sys.argv[2]), i, np.int8)) for i in range(40)]
        return Samples(spins, {"e": np.arange(40.0)})

    print("ready", flush=True)
    for seed in range(int(sys.argv[4])):
        samples = cache.remembered(cache.key("test", {"seed": seed}, made_by=(produce,)), produce)
        assert len(samples) == 40 and samples.outputs["e"][39] == 39.0 and samples.inputs[3].spins[0] == 3
    print("done", flush=True)
    """
)


def start(tmp_path, folder, size, pause, rounds):
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)
    arguments = [sys.executable, str(script), str(tmp_path / "log"), str(size), str(pause), str(rounds)]
    return subprocess.Popen(
        arguments, env=os.environ | {"ERLANGEN_CACHE": str(folder)}, stdout=subprocess.PIPE, text=True
    )


def test_two_processes_produce_each_entry_once_and_lose_nothing(tmp_path, folder):
    workers = [start(tmp_path, folder, 1000, 0.02, 20) for _ in range(3)]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "x" * 20
    assert len(cache.entries()) == 20 and cache.verify() == []


def test_writers_without_locks_do_not_disturb_each_other(monkeypatch):
    """Two processes on a file system without locks: the second finds the entry in place and drops its draft."""
    import contextlib

    inner = []

    def produce():
        if not inner:
            inner.append(1)
            cache.remembered(named(a=1), produce)
        return molecules()

    monkeypatch.setattr(cache, "turn", lambda folder, say: contextlib.nullcontext())
    cache.remembered(named(a=1), produce)
    assert len(cache.entries()) == 1 and cache.verify() == []
    assert not list((root() / "samples").glob(".draft-*"))


def test_kill_at_any_moment_leaves_no_broken_entry(tmp_path, folder):
    rng = np.random.default_rng(1)
    for _ in range(6):
        worker = start(tmp_path, folder, 200_000, 0.0, 1000)
        before, deadline = len(cache.entries()), time.monotonic() + 30
        while len(cache.entries()) == before and time.monotonic() < deadline:
            time.sleep(0.01)  # it is in the middle of writing now, however busy the machine
        time.sleep(rng.uniform(0, 0.1))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert cache.entries() and cache.verify() == []
    finished = len(cache.entries())
    worker = start(tmp_path, folder, 200_000, 0.0, finished + 2)
    assert worker.wait(timeout=60) == 0 and cache.verify() == []


def test_unwritable_folder_keeps_samples_in_memory(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "file"))
    told, calls = [], []

    def produce():
        calls.append(1)
        return molecules()

    for _ in range(2):
        cache.remembered(named(a=1), produce, say=told.append)
    assert len(calls) == 1 and len(told) == 1 and "stay in memory" in told[0]
    assert cache.cost_of(named(a=1)) is not None


def test_full_disk_keeps_samples_in_memory_and_removes_the_draft(folder):
    script = textwrap.dedent(
        """
        import resource, signal, numpy as np
        from erlangen.contract import Samples
        from erlangen.core.systems import SpinLattice
        from erlangen.data import cache
        from erlangen.data.folders import root
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        told = []
        key = cache.key("test", {}, made_by=(cache.pack,))
        samples = cache.remembered(key, lambda: Samples([SpinLattice(np.ones(10**6))], {}), say=told.append)
        assert len(samples) == 1 and "cannot be written" in told[0], told
        assert not list(root().glob("samples/.draft-*")) and not cache.entries()
        """
    )
    done = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_nothing_is_written_before_the_first_entry(folder):
    assert cache.entries() == [] and cache.verify() == [] and cache.clear() == 0
    assert not folder.exists()


def test_edited_physics_is_computed_anew(tmp_path):
    def load(body):
        source = tmp_path / "plugin.py"
        source.write_text(f"from erlangen.core import quantity\ndef produce(): return {body}\n")
        space = {"__name__": "plugin"}
        exec(compile(source.read_text(), str(source), "exec"), space)
        return fingerprint(space["produce"])

    assert load(1) == load(1) != load(2)
    assert load(1) == load("1  # why")


def test_the_package_modules_that_labels_depend_on():
    from erlangen.physics import fluids

    found = set(source_code.sources(fluids.__name__, Path(fluids.__file__)))
    assert {"erlangen.physics.fluids", "erlangen.numerics.spectral"} <= found
    assert not any(name.startswith(("erlangen.data", "erlangen.contract", "erlangen.assess")) for name in found)


@dataclasses.dataclass(frozen=True)
class Question:
    """What a key asks of a task."""

    data: str = ""
    depth: float = 1.0
    count: int = 10

    fields = property(dataclasses.asdict)
    sources = property(lambda self: (Source.parse(self.data),) if self.data else ())

    @classmethod
    def name(cls):
        return "own/question"


def test_the_key_of_a_task_is_what_matters_and_nothing_else(tmp_path):
    key = cache.key_of(Question(), "train")
    assert key == cache.key_of(Question(), "train") != cache.key_of(Question(), "test")
    assert key != cache.key_of(Question(depth=2.0), "train") != cache.key_of(Question(count=11), "train")
    few = {"of": ("depth",)}
    assert cache.key_of(Question(), "train", **few) == cache.key_of(Question(count=11), "train", **few)
    assert cache.key_of(Question(), "train", **few, count=3) != cache.key_of(Question(), "train", **few, count=4)
    assert cache.key_of(Question(), "train", also=(molecules, pack)).code != key.code
    assert key.code == cache.fingerprint(Question)


def test_own_files_count_by_what_they_hold(tmp_path):
    for name, text in (("a.csv", "1"), ("b.csv", "1"), ("c.csv", "2")):
        (tmp_path / name).write_text(text)
    a, b, c = (cache.key_of(Question(data=str(tmp_path / f"{name}.csv"))) for name in "abc")
    assert a == b != c and str(tmp_path) not in a.settings
    with pytest.raises(Invalid, match="no file"):
        cache.key_of(Question(data="nowhere.csv"))


def test_parents_and_neighbours_of_a_class_count(tmp_path, monkeypatch):
    """A task of a plug-in calls its parent, which calls a module beside it: each of the three counts."""
    files = {
        "law": "def rate(): return 1\n",
        "_shared": "from .law import rate\n\nclass Shared:\n    pass\n",
        "task": "from ._shared import Shared\n\nclass Mine(Shared):\n    pass\n",
    }
    monkeypatch.syspath_prepend(str(tmp_path))

    def code(package, **changed):
        (tmp_path / package).mkdir()
        for name, text in ({"__init__": ""} | files | changed).items():
            (tmp_path / package / f"{name}.py").write_text(text)
        mine = __import__(f"{package}.task", fromlist=["Mine"]).Mine
        found = [source_code.sources(name, path) for name, path in source_code._modules(mine)]
        return {name.split(".")[-1]: text for part in found for name, text in part.items()}

    plain = code("one")
    assert set(plain) == {"task", "_shared", "law"}
    other = code("two", law="def rate(): return 2\n")
    assert [name for name in plain if plain[name] != other[name]] == ["law"]

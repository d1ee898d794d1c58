"""What is said behind a file, what its digest depends on, and how its samples are divided; leaks that are found."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from erlangen.contract import Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms, Field
from erlangen.data.leakage import overlap
from erlangen.data.partition import BLOCKS, composition, divide, units, von_neumann
from erlangen.data.readers import read_samples
from erlangen.data.sources import Source, contents, located

ACAC = Path(__file__).parent / "files" / "acac_20.xyz"
COUNTS = {"validation": 10, "calibration": 20, "test": 30, "train": 140}


def test_what_is_said_is_what_is_written_again():
    text = "a/b.xyz:energy=E_dft:forces=F_dft:units=hartree+hartree/bohr:pbc=no:group=config_type"
    source = Source.parse(text)
    assert source.path == Path("a/b.xyz") and dict(source.keys) == {"energy": "E_dft", "forces": "F_dft"}
    assert (source.units, source.pbc, source.group) == ("hartree,hartree/bohr", False, "config_type")
    assert Source.parse(str(source)) == source == Source.parse(source)
    assert [str(one) for one in Source.several("a.nc:values=u+v, b.nc ,")] == ["a.nc:values=u+v", "b.nc"]


def test_an_existing_path_is_one_whatever_is_in_its_name(tmp_path):
    file = tmp_path / "odd:energy=E,2.xyz"
    file.write_text("1\n\nH 0 0 0\n")
    assert Source.parse(file).path == file and len(Source.several(str(file))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.xyz:energy=", "arguments behind a file.*'a.xyz:energy='.*For instance"),
        ("a.xyz:energy=E:forces", "arguments behind a file"),
        ("a.xyz:energy=E:energy=F", "each name once.*energy=E:energy=F"),
        ("a.xyz:pbc=perhaps", "pbc is yes or no.*perhaps"),
        ("a.xyz:split=middle", "split is random or time.*middle"),
        ("a.xyz:split=time:group=run", "or a group is named instead.*beside group=run"),
    ],
)
def test_words_that_make_no_sense_are_refused(text, message):
    with pytest.raises(Invalid, match=message):
        Source.parse(text)


def test_a_file_that_is_not_there_and_words_that_nobody_reads_are_refused(tmp_path):
    (tmp_path / "frames.xyz").write_text("1\n\nH 0 0 0\n")
    with pytest.raises(Invalid, match=r"no file .*fames.xyz.*Did you mean: frames.xyz\?"):
        _ = Source.parse(tmp_path / "fames.xyz").digest
    with pytest.raises(Invalid, match=r"a word behind .*'enrgy'.*Did you mean: energy\?"):
        Source.parse("a.xyz:enrgy=E").only("energy", "forces", "units")
    with pytest.raises(Invalid, match=r"every frame has run.*frame 1, with"):
        read_samples(f"{ACAC}:group=run")


def test_the_digest_is_that_of_the_bytes_and_nothing_else(tmp_path):
    copy = shutil.copy(ACAC, tmp_path / "elsewhere.xyz")
    os.utime(copy, (1, 1))
    assert Source.parse(ACAC).digest == hashlib.sha256(ACAC.read_bytes()).hexdigest()
    assert Source.parse(copy).content == Source.parse(ACAC).content
    assert Source.parse(f"{copy}:units=eV").content != Source.parse(ACAC).content
    before, times = Source.parse(copy).digest, os.stat(copy)
    text = Path(copy).read_text()
    Path(copy).write_text(text.replace("C ", "N ", 1))  # of the same length
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))  # and, it pretends, as old as before
    assert Source.parse(copy).digest != before


def test_of_a_folder_and_of_files_beside_all_counts(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        for name in ("a.xyz", "b.xyz"):
            (tmp_path / place / name).write_text(name)
    one, two = (Source.parse(tmp_path / place) for place in ("one", "two"))
    assert one.digest == two.digest and len(one.files) == 2
    alone, both = Source.parse(tmp_path / "one" / "a.xyz"), Source.parse(tmp_path / "one" / "a.xyz", beside=("b.xyz",))
    assert both.taken()["files"] == 2 and alone.digest != both.digest
    (tmp_path / "two" / "b.xyz").write_text("other")
    assert one.digest != two.digest


def test_settings_name_contents_instead_of_places(tmp_path):
    file = shutil.copy(ACAC, tmp_path)
    named = dict(zip([f"{ACAC}", f"{file}:units=eV"], contents([Source.parse(ACAC), Source.parse(f"{file}:units=eV")])))
    assert located(str(ACAC), named) == f"sha256:{Source.parse(ACAC).digest}"
    assert located(f"{file}:units=eV, {ACAC}", named) == f"{named[f'{file}:units=eV']},{named[str(ACAC)]}"
    assert located(f"{ACAC.parent}/../files/./{ACAC.name}".replace("/../files", ""), named) == named[str(ACAC)]
    assert located("ethanol", named) == "ethanol" and located("a:b=", named) == "a:b="


def ring(n, steps, seed=0, pace=1.0):
    """`steps` frames of a chain of n atoms whose coordinates are Ornstein-Uhlenbeck walks of relaxation time 1/pace."""
    rng, numbers = np.random.default_rng(seed), np.full(n, 6)
    x, frames = rng.normal(size=(n, 3)), []
    for _ in range(steps):
        x = np.exp(-pace) * x + np.sqrt(1 - np.exp(-2 * pace)) * rng.normal(size=(n, 3))
        frames.append(Atoms(5.0 * np.arange(3 * n).reshape(n, 3) + x, numbers))
    return frames


def divided(frames, text="a.xyz", counts=COUNTS, group=None):
    systems = [composition(x) for x in frames]
    return divide(units(len(frames), Source.parse(text), group=group, systems=systems, frames=frames), counts, key=0)


def test_von_neumann_of_an_autoregressive_walk():
    """r(k) = 1 - exp(-k / tau) for the stationary process; 1 for white noise."""
    walk = np.array([x.positions.ravel() for x in ring(20, 4000, pace=0.2)])
    for lag in (1, 3, 5):
        assert von_neumann(walk, lag) == pytest.approx(1 - np.exp(-0.2 * lag), abs=0.03)
    assert von_neumann(np.random.default_rng(0).normal(size=(4000, 20))) == pytest.approx(1, abs=0.03)


def test_frames_of_a_trajectory_are_divided_in_blocks_a_correlation_time_apart():
    found = divided(ring(4, 200, pace=0.4))
    assert found.how.startswith(f"{BLOCKS} blocks of time") and "left out" in found.how
    part = np.full(200, -1)
    for number, rows in enumerate(found.rows.values()):
        part[rows] = number
    for i in np.flatnonzero(part >= 0):
        near = part[max(i - 2, 0) : i + 3]
        assert set(near[near >= 0]) == {part[i]}  # of the last two and the next two frames none is of another split
    assert [len(rows) for rows in found.rows.values()] == pytest.approx([10, 20, 30, 140], abs=14)
    assert sum(map(len, found.rows.values())) > 170
    whole = Samples(ring(4, 200, pace=0.4), {"energy": list(np.arange(200.0))})
    assert np.unique(found.part(whole, "test").group).size == 3  # error bars resample blocks


def test_independent_frames_are_divided_at_random_as_before():
    frames = ring(4, 200, pace=5.0)
    found = divided(frames)
    assert found.how == "at random: frames are a correlation time apart" and found.unit is None
    order = np.random.default_rng(0).permutation(200)
    assert np.array_equal(found.rows["validation"], np.sort(order[:10]))
    assert np.array_equal(found.rows["train"], np.sort(order[60:]))


def test_what_is_said_behind_the_file_decides():
    moving, still = ring(4, 200, pace=0.4), ring(4, 200, pace=5.0)
    assert divided(moving, "a.xyz:split=random").how == "at random, as said behind the file"
    assert "20 blocks of time (as said" in divided(still, "a.xyz:split=time").how
    group = np.arange(200) // 8
    found = divided(moving, "a.xyz:group=run", group=group)
    assert found.how == "whole groups of run"
    parts = [set(group[rows]) for rows in found.rows.values()]
    assert sum(map(len, parts)) == 25 and set().union(*parts) == set(range(25))
    with pytest.raises(Invalid, match=r"at least as many groups as parts.*3 groups.*:split=random"):
        divided(moving, "a.xyz:group=run", group=np.arange(200) % 3)
    with pytest.raises(Invalid, match=r"divided by time are frames of a trajectory.*split=time"):
        units(4, Source.parse("a.csv:split=time"), systems=[0, 1, 2, 3])


def test_many_compositions_are_not_divided_and_a_few_are():
    many = [x for n in range(2, 27) for x in ring(n, 8, seed=n, pace=5.0)]
    found = divided(many)
    assert found.how == "whole compositions, 25 of them"
    parts = [{len(many[i].positions) for i in rows} for rows in found.rows.values()]
    assert sum(map(len, parts)) == 25
    few = ring(3, 100, pace=0.4) + ring(5, 100, pace=5.0)  # one moves slowly, one does not
    found = divided(few)
    assert found.how.startswith("20 blocks of time")
    assert {len(few[i].positions) for i in found.rows["test"]} == {3, 5}


def test_leaks_are_counted():
    train, test = ring(4, 60, seed=1, pace=5.0), ring(4, 10, seed=2, pace=5.0)

    def samples(inputs):
        return Samples(inputs, {})

    none = overlap(samples(train), samples(test))
    assert none.shared == 0 and str(none) == "none of 10 test samples is among the training samples"
    turned = Atoms(train[3].positions @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]]) + 7, train[3].atomic_numbers)
    some = overlap(samples(train), samples([*test, turned, train[9]]))
    assert (some.shared, some.compared) == (2, 12) and some.closest == pytest.approx(0, abs=1e-9)
    assert re.match("2 of 12 test samples are also training samples.*easier than it looks", str(some))
    fields = [Field({"u": np.sin(np.arange(8.0) + i)}, (1.0,)) for i in range(6)]
    assert overlap(samples(fields), samples(fields[4:])).shared == 2


@pytest.mark.parametrize("ordered", [False, True])
def test_isolated_atoms_are_for_training(ordered):
    """Wherever they stand in the file, and whether the other frames are divided by time or at random."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, 6, 100) if ordered else rng.uniform(0, 6, 100)
    bonds = [Atoms(np.array([[0, 0, 0], [0, 0, 1 + 0.1 * np.sin(a)]]), np.array([1, 8])) for a in angles]
    alone = [Atoms(np.zeros((1, 3)), np.array([z])) for z in (1, 8, 6)]
    frames = [alone[0], *bonds[:50], alone[1], *bonds[50:], alone[2]]
    found = units(103, Source.parse("a.xyz"), systems=[composition(x) for x in frames], frames=frames)
    assert found.references == (0, 51, 102)
    parts = divide(found, {"test": 15, "validation": 10, "train": 78}, key=0)
    assert {0, 51, 102} <= set(parts.rows["train"]) and "3 isolated atoms for training" in parts.how
    together = np.concatenate(list(parts.rows.values()))
    assert len(together) == len(set(together)) and ("blocks of time" in parts.how) == ordered
    if not ordered:
        assert [len(parts.rows[name]) for name in ("test", "validation", "train")] == [15, 10, 78]


@pytest.mark.parametrize("count", [60, 5000], ids=["all compared", "a part compared"])
def test_copies_are_counted_in_sets_of_any_size_and_in_either_precision(count):
    rng = np.random.default_rng(0)
    z = np.array([8, 1, 1])
    train = [Atoms(rng.normal(size=(3, 3)) * 3, z) for _ in range(count)]
    other = [Atoms(rng.normal(size=(3, 3)) * 3, np.array([7, 1, 1])) for _ in range(7)]
    for test in (train, [Atoms(x.positions.astype(np.float32).astype(float), z) for x in train], train[: count // 3]):
        found = overlap(Samples(train, {}), Samples([*test, *other], {}))
        assert (found.shared, found.compared, found.closest) == (len(test), len(test) + 7, 0.0)
    twice = overlap(Samples([train[0]], {}), Samples([train[0], train[0], *other], {}))
    assert (twice.shared, twice.compared) == (2, 9)


def test_a_copy_rounded_to_the_digits_of_a_file_is_one():
    rng = np.random.default_rng(1)
    train = [Atoms(rng.normal(size=(4, 3)) * 2, np.array([6, 1, 1, 8])) for _ in range(30)]
    written = [Atoms(np.round(x.positions, 4), x.atomic_numbers) for x in train[:5]]
    found = overlap(Samples(train, {}), Samples(written, {}))
    assert found.shared == 5 and 0 < (found.closest or 0) < 1e-3
    fields = [Field({"u": rng.normal(size=16)}, (1.0,)) for _ in range(20)]
    single = [Field({"u": np.asarray(x["u"], np.float32)}, (1.0,)) for x in fields[3:6]]
    assert overlap(Samples(fields, {}), Samples(single, {})).shared == 3

"""Flags follow the types of the fields; what cannot be read says what is wanted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlangen import registry
from erlangen.app.cli_flags import Parser, add_flags, build, convert, flags_of
from erlangen.app.cli_run import question_and_answer
from erlangen.core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class Schedule:
    rate: float = 1e-3
    warm_up: int = 10


@dataclasses.dataclass(frozen=True)
class Lattice:
    n_sites: int = 16
    shape: tuple[int, int] = (4, 4)
    modes: tuple[int, ...] = (12,)
    field: float | None = None
    model: Literal["tfim", "heisenberg"] = "tfim"
    periodic: bool = True
    width: int = 3
    file: Path | None = None


@dataclasses.dataclass(frozen=True)
class Net:
    width: int = 32
    schedule: Schedule = Schedule(rate=2e-3)


def read(*argv: str):
    parser = Parser(prog="erlangen run", add_help=False)
    add_flags(parser, [*flags_of(Lattice, "task"), *flags_of(Net, "method")], reserved=("seed",))
    given = vars(parser.parse(argv))
    return build(Lattice, "task", given), build(Net, "method", given)


def test_every_kind_of_field():
    task, net = read(
        *("--n_sites", "20", "--shape", "2,10", "--modes", "8 8 4", "--field", "0.5", "--model", "heisenberg"),
        *("--no-periodic", "--task.width", "5", "--method.width=64", "--schedule.rate", "1e-4", "--file", "a.xyz"),
    )
    assert task == Lattice(20, (2, 10), (8, 8, 4), 0.5, "heisenberg", False, 5, Path("a.xyz"))
    assert net == Net(64, Schedule(1e-4, 10))


def test_a_preset_is_the_start_and_flags_replace_its_values():
    preset, given = Net(16, Schedule(rate=1e-4)), {"method:schedule.warm_up": "5"}
    assert build(Net, "method", given, start=preset) == Net(16, Schedule(rate=1e-4, warm_up=5))
    _, method, _ = question_and_answer(
        ["molecules/forces", "--method", "painn", "--preset", "small", "--layers", "5"], "molecules/forces", "painn"
    )
    assert (method.channels, method.layers) == (32, 5)
    assert registry.find("method", "painn").presets == ("small", "base")
    with pytest.raises(Invalid, match="smal"):
        registry.load_preset("painn", "smal")
    with pytest.raises(Invalid, match="Leave --preset out"):
        registry.load_preset("mean", "small")


def test_defaults_are_kept_and_nested_defaults_are_the_owners():
    assert read() == (Lattice(), Net())
    assert read("--schedule.warm-up", "5")[1].schedule == Schedule(rate=2e-3, warm_up=5)
    assert read("--field", "none")[0].field is None


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--width", "5"], "--task.width or --method.width"),
        (["--model", "isng"], "Did you mean"),
        (["--shape", "4"], "must have 2 values"),
        (["--n-sites", "many"], "a whole number"),
        (["--field", "strong"], "a number"),
        (["--n-site", "4"], "--n-sites"),
        (["--n-sites"], "expected one argument"),
    ],
)
def test_bad_values_and_flags(argv, words):
    with pytest.raises(Invalid, match=words):
        read(*argv)


@given(st.integers())
def test_whole_numbers_round_trip(n):
    assert convert(str(n), int, "--n") == n


@given(st.floats(allow_nan=False))
def test_numbers_round_trip(x):
    assert convert(repr(x), float, "--x") == x


@given(st.lists(st.integers(), min_size=1, max_size=5))
def test_sequences_round_trip(values):
    assert convert(str(tuple(values)), tuple[int, ...], "--modes") == tuple(values)

"""`erlangen solve`: solutions are those of the equation, files open elsewhere, bad input is told before any work."""

from __future__ import annotations

import resource

import numpy as np
import pytest
import xarray

from erlangen.app import cli
from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.data.field_files import write_fields
from erlangen.study.solve import completed, solvable, solve
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries
from tests.physics.test_fluids import cole_hopf

SMALL = ["solve", "continuum/burgers", "--n", "32", "--viscosity", "0.1", "--frames", "3"]
READ: dict = {"a.zarr": {"engine": "zarr", "consolidated": False}, "a.h5": {"engine": "h5netcdf"}}
X = 2 * np.pi * np.arange(64) / 64


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def call(capsys, *argv: str) -> tuple[int, str, str]:
    code = cli.main(list(argv))
    out, err = capsys.readouterr()
    return code, out, err


def own_field(path="own.nc", u=None, spacing=2 * np.pi / 64, **parameters):
    write_fields(path, [Field({"u": cole_hopf(X, 0.3, 0.1) if u is None else u}, (spacing,), "periodic", parameters)])
    return path


@pytest.mark.parametrize("name", ["a.nc", "a.zarr", "a.h5", "a.npz"])
def test_a_file_with_coordinates_units_settings_and_history(capsys, name):
    code, out, _ = call(capsys, *SMALL, "--out", name)
    assert code == 0 and "u 32, 4 frames to t = 0.15" in out and name in out
    if not name.endswith(".npz"):
        with xarray.open_dataset(name, **READ.get(name, {})) as data:
            assert data.u.dims == ("time", "x") and data.u.units == "L/T" and data.time.units == "T"
            np.testing.assert_allclose(data.time, [0, 0.05, 0.1, 0.15])
            np.testing.assert_allclose(data.x, 2 * np.pi * np.arange(32) / 32)
            assert data.attrs["viscosity"] == 0.1 and data.attrs["boundary"] == "periodic"
            assert "erlangen solve continuum/burgers --n 32" in data.attrs["history"]
            assert "n" not in data.attrs


def test_own_initial_field_with_the_parameters_of_its_file_follows_cole_hopf(capsys):
    own_field(viscosity=0.1)
    code, _, _ = call(capsys, "solve", "continuum/burgers", "--from", "own.nc", "--frames", "4", "--out", "a.nc")
    assert code == 0
    with xarray.open_dataset("a.nc") as data:
        assert data.attrs["viscosity"] == 0.1 and data.u.shape == (5, 64)
        np.testing.assert_allclose(data.u[-1], cole_hopf(X, 0.5, 0.1), atol=1e-6)


def test_a_run_goes_on_where_a_file_ends(capsys):
    assert call(capsys, *SMALL, "--out", "a.nc")[0] == 0
    assert call(capsys, "solve", "continuum/burgers", "--from", "a.nc", "--frames", "2", "--out", "b.nc")[0] == 0
    assert call(capsys, *SMALL[:-1], "5", "--out", "c.nc")[0] == 0
    with xarray.open_dataset("b.nc") as later, xarray.open_dataset("c.nc") as whole:
        np.testing.assert_allclose(later.u, whole.u[3:], atol=1e-4)  # 32 points do not hold all of the fine state


def test_a_coarse_field_is_refined_to_the_points_asked_for():
    coarse = Field({"u": cole_hopf(X[::2], 0.3, 0.1)}, (2 * np.pi / 32,))
    (u,) = solve(Burgers(n=64, viscosity=0.1), frames=2, start=[coarse]).states["u"]
    np.testing.assert_allclose(u[0], cole_hopf(X, 0.3, 0.1), atol=1e-5)
    np.testing.assert_allclose(u[-1], cole_hopf(X, 0.4, 0.1), atol=1e-5)


def burgers_from_sine(x, t, height, viscosity):
    """u_0 = A sin x by Cole and Hopf: the average of (x - y) / t under exp(A cos y / (2 nu) - (x - y)^2 / (4 nu t))."""
    y = np.linspace(-3 * np.pi, 5 * np.pi, 40_001)[:, None]
    weight = height * np.cos(y) / (2 * viscosity) - (x - y) ** 2 / (4 * viscosity * t)
    weight = np.exp(weight - weight.max(0))
    return ((x - y) / t * weight).sum(0) / weight.sum(0)


@pytest.mark.parametrize("height", [0.3, 3.0])
def test_grid_and_steps_are_those_that_the_given_field_needs(height):
    """Far larger than what the task draws: fronts far thinner than a point of its grid, also between the frames."""
    start = Field({"u": height * np.sin(X)}, (2 * np.pi / 64,))
    (u,) = solve(Burgers(n=64, viscosity=0.02, dt=0.1), frames=6, start=[start]).states["u"]
    for k in (1, 3, 6):
        exact = burgers_from_sine(X, 0.1 * k, height, 0.02)
        assert np.abs(u[k] - exact).max() < 1e-4 * height


def test_a_soliton_higher_than_any_drawn_one_keeps_its_height():
    """u = 3 c sech^2(sqrt(c) (x - c t) / 2) of the Korteweg-de Vries equation, twelve times the rms of the task."""
    c, length, n = 2.0, 64.0, 256
    x = length * np.arange(n) / n
    wave = [3 * c / np.cosh(np.sqrt(c) / 2 * (x - 24.0 - c * t)) ** 2 for t in (0.0, 4.0)]
    task = KortewegDeVries(n=n, length=length, amplitude=0.1, dt=1.0)
    (u,) = solve(task, frames=4, start=[Field({"u": wave[0]}, (length / n,))]).states["u"]
    np.testing.assert_allclose(u[-1], wave[1], atol=1e-5)


def test_words_behind_the_initial_field(capsys):
    write_fields("a.nc", [Field({"v": cole_hopf(X, 0.3, 0.1)}, (2 * np.pi / 64,))])
    argv = ["solve", "continuum/burgers", "--viscosity", "0.1", "--frames", "4", "--out", "b.nc", "--from"]
    assert call(capsys, *argv, "a.nc")[0] == 2
    assert call(capsys, *argv, "a.nc:values=v")[0] == 0
    with xarray.open_dataset("b.nc") as data:
        np.testing.assert_allclose(data.u[-1], cole_hopf(X, 0.5, 0.1), atol=1e-6)


@pytest.mark.parametrize(
    "flags", [["--plot", "u.png"], ["--plot", "u.svg"], ["--animation", "u.gif"], ["--out", "u.nc"]]
)
def test_a_full_disk_leaves_nothing(capsys, tmp_path, flags):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        code, _, err = call(capsys, *SMALL, *flags)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 2 and f"can be written; came: {flags[1]}: File too large" in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_flags_go_before_what_the_file_says(capsys):
    own_field(viscosity=0.1)
    call(
        capsys, "solve", "continuum/burgers", "--from", "own.nc", "--viscosity", "0.2", "--frames", "1", "--out", "a.nc"
    )
    with xarray.open_dataset("a.nc") as data:
        assert data.attrs["viscosity"] == 0.2


def test_two_dimensions_several_problems_and_pictures(capsys):
    flow = ["solve", "continuum/kolmogorov", "--n", "24", "--viscosity", "0.1", "--start", "1", "--frames", "2"]
    code, out, _ = call(capsys, *flow, "--count", "2", "--out", "a.nc", "--plot", "a.png", "--animation", "a.gif")
    assert code == 0 and "2 problems, w 24 x 24" in out
    with xarray.open_dataset("a.nc") as data:
        assert data.w.dims == ("sample", "time", "x", "y") and data.source.dims == ("sample", "x", "y")
    from PIL import Image

    with Image.open("a.gif") as film, Image.open("a.png") as picture:
        assert film.n_frames == 3 and picture.size[0] > 1000


def test_settings_of_the_data_set_do_not_matter_for_one_problem():
    few, many = (solve(Burgers(n=32, viscosity=0.1, count=c), frames=2) for c in (8, 400))
    np.testing.assert_array_equal(few.states["u"][0], many.states["u"][0])
    assert len(few.fields) == 1 and few.states["u"][0].shape == (3, 32)


def test_frames_beyond_the_trajectory_are_solved_for():
    task = Kolmogorov(**Kolmogorov.toy)
    (whole,) = solve(task, frames=3).states["w"]
    start = solve(task, frames=1)
    x = start.fields[0].replace(w=start.states["w"][0][-1])
    (later,) = solve(task, frames=2, start=[x]).states["w"]
    np.testing.assert_allclose(later, whole[1:], atol=1e-4 * np.abs(whole).max())


def test_other_grids_boundaries_and_tasks_are_refused():
    task = Burgers(n=32, viscosity=0.1)
    for field, match in (
        (Field({"u": np.zeros(16)}, (2 * np.pi / 32,)), "32 points.*came: 16 points"),
        (Field({"u": np.zeros(32)}, (0.1,)), "0.19635 apart.*0.1 apart"),
        (Field({"u": np.zeros(32)}, (2 * np.pi / 32,), "walls"), "periodic.*walls"),
        (Field({"v": np.zeros(32)}, (2 * np.pi / 32,)), "called u"),
    ):
        with pytest.raises(Invalid, match=match):
            completed(task, field)
    from erlangen.tasks.molecules.forces import Forces

    with pytest.raises(Invalid, match=r"about fields.*Atoms"):
        solvable(Forces())
    with pytest.raises(Invalid, match=r"resolved by 32768 points.*1e\+09"):
        solve(task, frames=2, start=[Field({"u": 1e9 * np.sin(X[::2])}, (2 * np.pi / 32,))])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["solve"], ["a task must be named", "continuum/burgers"]),
        (["solve", "continuum/burger", "--out", "a.nc"], ["continuum/burgers"]),
        (["solve", "quantum/spins", "--out", "a.nc"], ["fields"]),
        (["solve", "continuum/burgers"], ["--out field.nc"]),
        (["solve", "continuum/burgers", "--out", "a.ncc"], ["ending", ".nc"]),
        (["solve", "continuum/burgers", "--plot", "a.jpgg"], ["picture", ".png"]),
        (["solve", "continuum/burgers", "--animation", "a.gift"], ["film", ".gif"]),
        (["solve", "continuum/burgers", "--out", "file/a.nc"], ["folder can be written to"]),
        (["solve", "continuum/burgers", "--out", "there.nc"], ["there.nc exists", "--force"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--viscosity", "0"], ["viscosity must be above 0"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--viscosity", "nan"], ["viscosity must be above 0"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--n", "4"], ["n must be 8 to 8192"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--frames", "0"], ["frames 0"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--count", "-1"], ["count -1"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--vis", "1"], ["--viscosity"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "no.nc"], ["no file no.nc"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "nan.nc"], ["NaN"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "uneven.npz"], ["grids are uniform"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "tiny.nc"], ["n must be 8 to 8192"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "wide.nc"], ["lives on the grid"]),
        (["solve", "continuum/burgers", "--out", "a.nc", "--from", "km.nc"], ["km/h", "L/T"]),
        (["solve", "continuum/trajectories", "--out", "a.nc", "--from", "waves.nc"], ["none"]),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(capsys, tmp_path, argv, words):
    (tmp_path / "file").write_text("")
    (tmp_path / "there.nc").write_text("")
    own_field("nan.nc", np.full(64, np.nan))
    own_field("tiny.nc", np.zeros(4), np.pi / 2)
    own_field("wide.nc", spacing=0.2)
    write_fields("km.nc", [Field({"u": np.zeros(64)}, (2 * np.pi / 64,))], units={"u": "km/h"})
    write_fields("waves.nc", [Field({"u": np.zeros(64)}, (2 * np.pi / 64,))])
    np.savez("uneven.npz", x=[0.0, 1.0, 3.0], u=np.zeros(3))
    code, _, err = call(capsys, *argv)
    assert code == 2 and err.startswith("erlangen: ") and err.count("\n") == 1
    for word in words:
        assert word in err
    assert not (tmp_path / "a.nc").exists()


def test_mp4_needs_ffmpeg(capsys, monkeypatch):
    from matplotlib.animation import FFMpegWriter

    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    code, _, err = call(capsys, *SMALL, "--animation", "a.mp4")
    assert code == 2 and "ffmpeg" in err and ".gif" in err


def test_force_replaces_and_help_names_the_settings(capsys, tmp_path):
    (tmp_path / "a.nc").write_text("")
    assert call(capsys, *SMALL, "--out", "a.nc", "--force")[0] == 0
    code, out, _ = call(capsys, "solve", "continuum/burgers", "--help")
    assert code == 0 and "--viscosity" in out and "--from" in out
    assert "  --seed " in out and "--horizon" not in out and out.count("--count") == 1
    assert "solve" in call(capsys, "--help")[1]

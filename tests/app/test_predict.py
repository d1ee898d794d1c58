"""Own data in, answers with intervals out, in the format of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from erlangen.app import cli
from erlangen.core.systems import Field
from erlangen.data.field_files import read_fields, write_fields

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def only_run(folder: Path) -> Path:
    (run,) = (p for p in folder.iterdir() if not p.name.startswith("."))
    return run


def waters(path: Path, count: int, symbols: str = "OHH", seed: int = 0) -> None:
    """Frames of one bent triatomic on springs: E = 50 eV/A^2 sum (d - 0.96)^2 over the two bonds, F = -dE/dr."""
    rng, lines = np.random.default_rng(seed), []
    for _ in range(count):
        r = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]) + 0.05 * rng.normal(size=(3, 3))
        forces, energy = np.zeros((3, 3)), -300.0
        for i in (1, 2):
            bond = r[i] - r[0]
            d = np.linalg.norm(bond)
            energy += 50 * (d - 0.96) ** 2
            forces[i] -= 100 * (d - 0.96) * bond / d
            forces[0] += 100 * (d - 0.96) * bond / d
        lines += ["3", f'Properties=species:S:1:pos:R:3:forces:R:3 energy={float(energy)!r} pbc="F F F"']
        lines += [" ".join([s, *map(repr, map(float, [*x, *f]))]) for s, x, f in zip(symbols, r, forces)]
    path.write_text("\n".join(lines) + "\n")


def test_atoms_come_back_with_predictions_and_bounds(capsys, tmp_path):
    waters(tmp_path / "mine.xyz", 160)
    waters(tmp_path / "new.xyz", 5, seed=1)
    argv = ["run", "molecules/forces", "--method", "mean", "--data", "mine.xyz", "--wrap", "conformal", "--quiet"]
    assert cli.main([*argv, "--budget", "5steps"]) == 0
    run = only_run(tmp_path / "runs")
    assert cli.main(["predict", str(run), "new.xyz", "-o", "out.xyz"]) == 0
    out = capsys.readouterr().out
    assert "5 samples answered, with 90% intervals" in out and "mean absolute error of energy [eV]" in out
    from ase.io import read

    frames = read("out.xyz", ":")
    assert len(frames) == 5
    for frame in frames:
        low, high = frame.arrays["predicted_forces_lower"], frame.arrays["predicted_forces_upper"]
        assert np.all(low < frame.arrays["predicted_forces"]) and np.all(frame.arrays["predicted_forces"] < high)
        assert (
            frame.info["predicted_energy_lower"] < frame.info["predicted_energy"] < frame.info["predicted_energy_upper"]
        )


def test_an_element_never_seen_is_refused_with_the_list(capsys, tmp_path):
    waters(tmp_path / "mine.xyz", 40)
    waters(tmp_path / "sulfur.xyz", 3, symbols="SHH")
    assert cli.main(["run", "molecules/forces", "--method", "mean", "--data", "mine.xyz", "--quiet"]) == 0
    capsys.readouterr()
    assert cli.main(["predict", str(only_run(tmp_path / "runs")), "sulfur.xyz"]) == 2
    err = capsys.readouterr().err
    assert "(H, O)" in err and "frame 1: S" in err and err.count("\n") == 1
    assert not (tmp_path / "sulfur.predicted.xyz").exists()


def test_fields_come_back_on_their_grid(capsys, tmp_path):
    argv = ["run", "mechanics/ring", "--method", "wave_regression", "--n", "16", "--count", "60", "--quiet"]
    assert cli.main(argv) == 0
    rng = np.random.default_rng(0)
    fields = [Field({"u": rng.normal(size=16), "v": rng.normal(size=16)}, (1.0,)) for _ in range(3)]
    write_fields(tmp_path / "new.nc", fields)
    assert cli.main(["predict", str(only_run(tmp_path / "runs")), "new.nc"]) == 0
    back = read_fields(tmp_path / "new.predicted.nc")
    import erlangen

    fitted = erlangen.load(only_run(tmp_path / "runs")).fitted
    for before, after in zip(fields, back):
        np.testing.assert_allclose(after["u"], before["u"])
        np.testing.assert_allclose(after["predicted_u"], fitted(before)["u"], atol=1e-5)


@pytest.mark.parametrize("what", ["missing run", "missing file", "empty file", "no record"])
def test_what_cannot_be_read_is_one_message(capsys, tmp_path, what):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.xyz").write_text("")
    waters(tmp_path / "mine.xyz", 40)
    run = "nowhere"
    if what in ("missing file", "empty file"):
        assert cli.main(["run", "molecules/forces", "--method", "mean", "--data", "mine.xyz", "--quiet"]) == 0
        run = str(only_run(tmp_path / "runs"))
    run = "nothing" if what == "no record" else run
    file = "empty.xyz" if what == "empty file" else "lost.xyz"
    capsys.readouterr()
    assert cli.main(["predict", run, file]) == 2
    err = capsys.readouterr().err
    assert err.startswith("erlangen: ") and err.count("\n") == 1 and "Traceback" not in err


def test_compare_prints_groups_and_writes_figures(capsys, tmp_path):
    argv = ["compare", "mechanics/ring", "--methods", "wave_regression", "persistence", "--csv", "out.csv"]
    assert cli.main([*argv, "--seeds", "2", "--budget", "5steps"]) == 0
    out = capsys.readouterr().out
    assert "wave_regression" in out and "Same letter" in out
    assert (tmp_path / "out.csv").read_text().startswith("task,method,score")

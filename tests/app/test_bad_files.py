"""Files and folders that cannot be used: one message (what must hold, what came, what to do) and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from erlangen.app.cli import main

FRAMES = Path(__file__).parents[1] / "data" / "files" / "acac_20.xyz"
SIZE = 17  # lines of one frame


def damaged(how: str) -> str:
    """The 20 acetylacetone frames, damaged in one way."""
    lines = FRAMES.read_text().splitlines()
    if how == "empty":
        return ""
    if how == "truncated":
        return "\n".join(lines[: 3 * SIZE + 9]) + "\n"
    if how == "no forces":
        rows = [" ".join(line.split()[:4]) if i % SIZE > 1 else line for i, line in enumerate(lines)]
        return "\n".join(rows).replace(":forces:R:3", "") + "\n"
    if how == "no energy":
        return "\n".join(lines).replace("energy=", "enthusiasm=") + "\n"
    if how == "two states":
        return "\n".join(lines).replace("energy=", "charge=1 energy=", 1) + "\n"
    if how == "overlapping":
        place, forces = lines[2].split()[1:4], lines[3].split()[4:]
        lines[3] = " ".join(["C", *place, *forces])
        return "\n".join(lines) + "\n"
    if how == "unknown element":
        lines[2] = lines[2].replace("C ", "Qq ", 1)
        return "\n".join(lines) + "\n"
    words = lines[5 * SIZE + 2].split()
    words[-1] = {"nan": "nan", "infinite": "inf"}[how]
    lines[5 * SIZE + 2] = " ".join(words)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("empty", "empty"),
        ("truncated", "frame"),
        ("no forces", "molecules/properties --target energy"),
        ("two states", "equal charge and spin"),
        ("overlapping", "atoms 1 and 2 at 0.000 A"),
        ("unknown element", "Qq"),
        ("no energy", "energy"),
        ("nan", "frame"),
        ("infinite", "frame"),
    ],
)
def test_training_file(capsys, tmp_path, how, words):
    file = tmp_path / "mine.xyz"
    file.write_text(damaged(how))
    code = main(["run", "molecules/forces", "--method", "mean", "--data", str(file), "--out", str(tmp_path / "runs")])
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 2 and words in said[-1] and said[-1].startswith("erlangen: ") and "came: " in said[-1]
    assert not any("Traceback" in line for line in said)


def test_energies_alone_are_a_property(capsys, tmp_path):
    file = tmp_path / "mine.xyz"
    file.write_text(damaged("no forces"))
    argv = ["run", "molecules/properties", "--target", "energy", "--method", "mean", "--data", str(file), "--quiet"]
    assert main([*argv, "--out", str(tmp_path / "runs")]) == 0


def test_keys_and_units_behind_the_name_of_a_file(capsys, tmp_path):
    file, runs = tmp_path / "mine.xyz", str(tmp_path / "runs")
    file.write_text(FRAMES.read_text().replace("energy=", "E_dft="))
    argv = ["run", "molecules/forces", "--method", "mean", "--quiet", "--out", runs]
    assert main([*argv, "--data", f"{file}:energy=E_dft:units=eV"]) == 0
    assert main([*argv, "--data", str(file)]) == 2
    assert "mine.xyz:energy=KEY" in capsys.readouterr().err


def test_missing_training_file(capsys, tmp_path):
    assert main(["run", "molecules/forces", "--method", "mean", "--data", str(tmp_path / "no.xyz")]) == 2
    assert "no.xyz" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["/proc/nowhere", "a file"])
def test_output_folder_that_cannot_be_written(capsys, tmp_path, where):
    if where == "a file":
        (tmp_path / "taken").write_text("")
        where = str(tmp_path / "taken")
    assert main(["run", "molecules/forces", "--method", "mean", "--data", str(FRAMES), "--out", where]) == 2
    assert "must be writable" in capsys.readouterr().err


def test_damaged_answer_is_noticed_before_it_predicts(capsys, tmp_path):
    runs = tmp_path / "runs"
    assert main(["run", "molecules/forces", "--method", "mean", "--data", str(FRAMES), "--out", str(runs)]) == 0
    (folder,) = (f for f in runs.iterdir() if not f.name.startswith("."))
    path = folder / "fitted.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 0xFF
    path.write_bytes(raw)
    capsys.readouterr()
    assert main(["predict", str(folder), str(FRAMES)]) == 2
    assert "fitted.safetensors is whole" in capsys.readouterr().err


def test_full_disk_is_one_message(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    from erlangen.core.errors import Invalid
    from erlangen.study.store import writing

    with pytest.raises(Invalid, match="no space left"), writing(tmp_path), open("/dev/full", "w") as file:
        file.write("x" * 10_000)
        file.flush()

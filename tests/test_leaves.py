"""The map and its bars: a leaf is open only where records on the board meet its bar, over all its seeds."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from erlangen.app import board_arrays, check_map, cli, cli_board
from erlangen.assess.rows import SymmetryRow
from erlangen.core.errors import Invalid
from erlangen.leaves import Area, Bar, Leaf, areas, rows_of
from erlangen.registry import find

sys.path.insert(0, str(Path(__file__).parent / "study"))
from records import burgers, burgers_arrays

RUN = "continuum/burgers --method fno --budget 2m"
BAR = Bar("nrmse", 0.5, "%", RUN, "for the test", seeds=3)


def put(board: Path, run: str = RUN, value: float = 0.4, defect: float = 1e-7, seed: int = 0) -> Path:
    record = burgers(seed=seed)
    row = SymmetryRow("method", "shifts", "u_next", defect, declared=True)
    scores = [dataclasses.replace(record.scores[0], value=value), *record.scores[1:]]
    record = dataclasses.replace(record, scores=scores, symmetry=[row], run=f"run-{seed}")
    made = board / f"run-{seed}"
    made.mkdir(parents=True, exist_ok=True)
    record.write(made)
    return cli_board.keep(made / "record.json", run, board)


def leaf(board: Path, **changes) -> Leaf:
    rows = tuple(row for row in rows_of(board) if row.task == "continuum/burgers")
    bar = dataclasses.replace(BAR, **changes)
    return Leaf("continuum/burgers", "Burgers", bar=bar, task=find("task", "continuum/burgers"), rows=rows)


def test_a_leaf_is_open_when_the_mean_over_all_its_seeds_meets_the_bar(tmp_path):
    assert leaf(tmp_path).state == "running" and leaf(tmp_path).standing is None
    for seed, value in enumerate((0.3, 0.4, 0.65)):
        put(tmp_path, seed=seed, value=value)
        found = leaf(tmp_path)
        assert found.state == ("open" if seed == 2 else "running")
    assert found.standing.value == pytest.approx(0.45)
    assert found.standing.error == pytest.approx(0.1041, abs=1e-4)  # sqrt(0.0325 / 3)
    assert leaf(tmp_path, limit=0.44).standing.missing == "bar missed"
    assert leaf(tmp_path, limit=0.44, at_least=True).state == "open"


def test_rows_of_another_command_with_a_broken_symmetry_or_without_a_number_open_nothing(tmp_path):
    put(tmp_path, run=RUN.replace("2m", "9m"))
    assert leaf(tmp_path, seeds=1).standing is None
    put(tmp_path, defect=1e-2)
    assert leaf(tmp_path, seeds=1).standing.missing == "symmetry violated, seed 0"
    put(tmp_path, defect=float("nan"))
    assert leaf(tmp_path, seeds=1).standing.missing == "symmetry violated, seed 0"
    put(tmp_path, value=float("nan"))
    assert leaf(tmp_path, seeds=1).standing.missing == "bar missed"


def test_a_row_has_no_paths_and_what_its_pictures_need(tmp_path):
    text = put(tmp_path).read_text()
    raw = json.loads(text)
    assert raw["panels"] == [] and raw["data"]["board"] == RUN and str(tmp_path) not in text
    np.savez_compressed(tmp_path / "run-0" / "arrays.npz", **burgers_arrays(), **{"test/large": np.zeros(10**6)})
    burgers().write(tmp_path / "run-0")
    path = cli_board.keep(tmp_path / "run-0" / "record.json", RUN, tmp_path)
    kept = np.load(path.with_suffix(".npz"))
    assert "scores/nrmse" in kept and kept["scores/nrmse"].dtype == np.float32
    assert {"samples/0/input/u", "history/loss"} <= set(kept.files) and "test/large" not in kept
    series = [s for panel in json.loads(path.read_text())["panels"] for s in panel["series"]]
    names = {name for s in series for name in s["arrays"].values()}
    assert names and names <= set(kept.files)
    assert sum(kept[name].nbytes for name in kept.files) <= board_arrays.MOST_BYTES
    put(tmp_path).write_text("{}")
    with pytest.raises(Invalid, match="row of the board"):
        rows_of(tmp_path)


def test_only_finished_runs_come_on_the_board(tmp_path):
    path = put(tmp_path)
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "state": "failed"}))
    with pytest.raises(Invalid, match="finished run"):
        cli_board.keep(path, RUN, tmp_path)


def test_the_check_names_what_is_wrong(tmp_path):
    put(tmp_path, value=0.9)
    wrong = [
        leaf(tmp_path),
        leaf(tmp_path, score="nmrse"),
        leaf(tmp_path, unit="1"),
        leaf(tmp_path, run="continuum/burgers --method painn"),
        leaf(tmp_path, run="continuum/burgers --method fno --widht 3"),
        Leaf("continuum/burgers", "again", survey=(99,), bar=BAR),
    ]
    found = "\n".join(check_map.findings([Area("continuum", "Continuum", tuple(wrong)), Area("new", "new", ())]))
    for words in (
        "6 leaves of that path",
        "asks for nmrse",
        "its bar is in 1, the row in %",
        "painn",
        "--width",
        "survey numbers go from 1 to 31",
        "a bar without a task",
        "an area that map.toml does not name",
    ):
        assert words in found, found


def test_the_map_that_ships_holds(capsys):
    assert list(check_map.findings(areas())) == []
    assert cli.main(["check", "map"]) == 0 and "the map holds" in capsys.readouterr().out


def test_the_board_is_shown_with_its_commands(capsys, tmp_path):
    for seed in range(3):
        put(tmp_path, seed=seed)
    assert cli.main(["board", "continuum/burgers", "--to", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "erlangen run continuum/burgers" in out and "leaves with a bar are open" in out
    assert cli.main(["board", "continuum", "--json", "--to", str(tmp_path)]) == 0
    rows = {row["path"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows["continuum/burgers"]["rows"]) == 3
    assert cli.main(["board", "continuum/burger"]) == 2 and "continuum/burgers" in capsys.readouterr().err

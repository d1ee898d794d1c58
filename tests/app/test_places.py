"""Folders that cannot be read, and warnings: one line each, no traceback."""

from __future__ import annotations

import os
import warnings

import pytest

from erlangen.app import cli
from erlangen.core.errors import Invalid
from erlangen.study import store
from erlangen.study.record import Record


def test_a_folder_with_a_loop_of_links_is_listed(tmp_path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert cli.main(["list", "--runs", str(tmp_path)]) == 0
    assert "No runs in" in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch, capsys):
    def refuse(place):
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(os, "scandir", refuse)
    assert cli.main(["list", "--runs", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "can be read" in err and str(tmp_path) in err and "Permission denied" in err
    with pytest.raises(Invalid, match="can be read"):
        store.rebuild(tmp_path)


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "record.json").mkdir()
    with pytest.raises(Invalid, match="a folder"):
        Record.read(tmp_path)
    (tmp_path / "record.json").rmdir()
    (tmp_path / "record.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(Invalid, match="record of a run can be read"):
        Record.read(tmp_path)


def test_warnings_are_one_line_without_source(monkeypatch, capsys):
    def warned(argv):
        warnings.warn("one unusual state for all frames: charge 1", stacklevel=1)

    monkeypatch.setattr(cli, "_dispatch", warned)
    assert cli.main([]) is None
    assert capsys.readouterr().err == "  one unusual state for all frames: charge 1\n"

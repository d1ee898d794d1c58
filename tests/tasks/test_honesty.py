"""Settings that say nothing are not shown, and published errors stand beside the same data alone."""

from __future__ import annotations

import hashlib
import lzma

import pytest

from erlangen.data import downloads
from erlangen.tasks.continuum.darcy import Darcy
from erlangen.tasks.molecules.forces import Forces
from erlangen.tasks.molecules.properties import Properties


@pytest.fixture
def acac(tmp_path, monkeypatch):
    """Two small files that the catalogue takes for the public ones."""
    texts = {"train_300K.xyz": "one\n", "test_MD_300K.xyz": "two\n"}
    hashed = {
        name: downloads.RemoteFile(len(text), hashlib.sha256(text.encode()).hexdigest()) for name, text in texts.items()
    }
    monkeypatch.setattr(downloads, "catalogue", lambda: {"acac": downloads.DataSet("", "", "", (), hashed)})
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_published_errors_of_forces_need_the_same_two_files(acac):
    train, test = str(acac / "train_300K.xyz"), acac / "test_MD_300K.xyz"
    assert {one.name for one in Forces(data=train, test=str(test)).published} == {
        "MACE, 500 structures",
        "NequIP, 500 structures",
    }
    packed = acac / "test.xyz.xz"
    packed.write_bytes(lzma.compress(test.read_bytes()))
    assert Forces(data=train, test=str(packed)).published
    packed.write_bytes(lzma.compress(b"other"))
    assert not Forces(data=train, test=str(packed)).published
    packed.write_bytes(b"no archive")
    assert not Forces(data=train, test=str(packed)).published
    assert not Forces(data=train).published and not Forces().published


def test_published_errors_of_other_labels_are_not_shown():
    assert not Properties(target="gap").published and not Properties(data="qm9", target="gap").published
    assert len(Properties(data="qm9", target="gap", n_train=110_000).published) == 4
    assert not Darcy().published


def test_settings_that_an_own_file_replaces_are_left_out(tmp_path):
    own = Forces(data=str(tmp_path / "mine.xyz"))
    assert set(own.fields) == {"data", "test", "judged_on"}
    assert "temperature" in Forces().fields
    table = Properties(data=str(tmp_path / "mine.xyz"), target="dipole")
    assert set(table.fields) == {"target", "data", "judged_on"}
    assert {"n_heavy", "engine", "n_train"} <= set(Properties().fields)
    assert "n_train" in Properties(data="qm9", target="gap").fields

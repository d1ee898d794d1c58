"""Arrays without NumPy are those of NumPy; what is no plain array is refused in one sentence."""

from __future__ import annotations

import math
import zipfile

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.portal.columns import Arrays, thinned

ARRAYS = {
    "d": np.linspace(-1, 1, 12).reshape(3, 4),
    "f": np.float32([[1.5, np.nan], [np.inf, -2]]),
    "half": np.float16([0.5, 2]),
    "i": np.arange(6, dtype=np.int32).reshape(1, 2, 3),
    "q": np.int64(7),
    "b": np.array([True, False]),
    "t": np.array(["gfn2", "Å"]),
    "big": np.arange(3, dtype=">f8"),
    "c": np.array([3 + 4j]),
    "order": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "none": np.zeros((0, 3)),
}


def test_values_and_shapes_are_those_of_numpy(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **ARRAYS)
    with Arrays(tmp_path / "a.npz") as arrays:
        assert set(arrays.names) == set(ARRAYS)
        for name, value in ARRAYS.items():
            found = arrays.read(name)
            expected = np.abs(value) if name == "c" else value
            plain = [None if isinstance(v, float) and not math.isfinite(v) else v for v in expected.ravel().tolist()]
            assert found["shape"] == list(value.shape) and found["values"] == plain, name


def test_pickles_and_broken_files_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", evil=np.array([{"a": 1}], dtype=object))
    (tmp_path / "x.npz").write_bytes(b"PK\3\4 no zip")
    with zipfile.ZipFile(tmp_path / "h.npz", "w") as file:
        file.writestr("a.npy", b"\x93NUMPY\1\0\x10\0__import__('os')")
        file.writestr("b.npy", b"none")
        file.writestr(
            "c.npy", b"\x93NUMPY\1\0\x40\0{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"
        )
    with Arrays(tmp_path / "p.npz") as arrays, pytest.raises(Invalid, match="can be read"):
        arrays.read("evil")
    with pytest.raises(Invalid):
        Arrays(tmp_path / "x.npz")
    with Arrays(tmp_path / "h.npz") as arrays:
        for name in ("a", "b", "c", "missing"):
            with pytest.raises(Invalid):
                arrays.read(name)


def test_thinning_keeps_the_ends_and_the_count():
    assert thinned(5, 10) == [0, 1, 2, 3, 4]
    places = thinned(10_000, 500)
    assert len(places) == 500 and places[0] == 0 and places[-1] == 9_999

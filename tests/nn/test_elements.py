"""Energies of elements from energies of compositions: what is fixed, what is open, and that it is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from erlangen.nn.elements import Elements, compositions, is_sum, known_sums

TRUE = {1: -13.6, 6: -1030.0, 8: -2040.0}
ACAC, WATER, METHANE = [6] * 5 + [1] * 8 + [8] * 2, [8, 1, 1], [6, 1, 1, 1, 1]


def fitted(*molecules):
    numbers = [np.array(one) for one in molecules]
    return Elements.from_counts(numbers, np.array([sum(TRUE[z] for z in one) for one in molecules]))


@pytest.mark.parametrize(
    ("molecules", "known", "unknown"),
    [
        ([ACAC] * 5, [ACAC, ACAC * 2], [WATER, METHANE, [1], [8, 8]]),
        ([[6, 6, 1, 1, 1, 1], [6] * 3 + [1] * 6], [[6, 1, 1]], [METHANE, [6]]),  # any number of CH2
        ([ACAC, [1]], [ACAC, [1], ACAC + [1]], [WATER, [6]]),
        ([ACAC, [1], [6], [8]], [WATER, METHANE, [8, 8]], []),
        ([WATER, METHANE, ACAC], [[1], [6, 6, 8]], []),
        ([[8, 8], [8]], [[8, 8, 8]], []),
    ],
)
def test_energies_follow_where_compositions_fix_them(molecules, known, unknown):
    elements = fitted(*molecules)
    for one in known:
        assert elements.determines(np.array(one))
        assert elements.total(np.array(one)) == pytest.approx(sum(TRUE[z] for z in one), rel=1e-9)
    assert not any(elements.determines(np.array([z for z in one if z in elements.numbers])) for one in unknown)


def test_what_is_open_is_said_in_compositions():
    with pytest.warns(UserWarning, match=r"one composition \(C5H8O2\) of 3 elements.*isolated atoms"):
        fitted(ACAC).tell_undetermined()
    with pytest.warns(UserWarning, match="2 independent compositions"):
        fitted(ACAC, WATER, ACAC + WATER).tell_undetermined()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(ACAC, [1], [6], [8]).tell_undetermined()


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.integers(0, 9)))
def test_known_sums_span_all_that_was_seen_and_no_more(counts):
    molecules = [np.repeat(np.arange(1, counts.shape[1] + 1), row) for row in counts if row.any()]
    if not molecules:
        return
    numbers, table = compositions(molecules)
    found = known_sums(table)
    rank = np.linalg.matrix_rank(table)
    assert len(found) == (rank if rank < len(numbers) else 0)
    assert all(is_sum(found, numbers, one) for one in molecules)
    alone = [is_sum(found, numbers, np.array([z])) for z in numbers]
    assert all(alone) == (rank == len(numbers))

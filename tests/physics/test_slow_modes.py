"""Slow motions are found among fast ones, with their times of decay."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.physics.slow_modes import slow_modes


def hidden(frames, seed):
    """A slow and a fast process that forget exp(-1/50) and exp(-1/2) in a frame, mixed, beside noise of large size."""
    rng, keep = np.random.default_rng(seed), np.exp(-1 / np.array([50.0, 2.0]))
    state, path = rng.normal(size=2), []
    for kick in rng.normal(size=(frames, 2)):
        state = keep * state + np.sqrt(1 - keep**2) * kick
        path.append(state)
    slow, fast = np.array(path).T
    noise = 5 * rng.normal(size=frames)
    return np.stack([slow + 3 * fast, fast - 0.2 * slow, noise + fast, noise - slow, np.ones(frames)], 1), slow


def test_the_slowest_motion_is_found_in_a_mixture_with_its_time():
    (one, slow), (other, _) = hidden(20000, 0), hidden(20000, 1)
    found = slow_modes([one, other], 5)
    assert found.times[:2] == pytest.approx([50, 2], rel=0.2) and len(found.eigenvalues) == 3
    values = found(one)[:, 0]
    assert abs(np.corrcoef(values, slow)[0, 1]) > 0.99 and values.std() == pytest.approx(1, abs=0.1)


def test_a_lag_beyond_the_trajectory_is_told():
    for lag in (0, 10):
        with pytest.raises(Invalid, match="a lag is shorter"):
            slow_modes([np.zeros((10, 2))], lag)

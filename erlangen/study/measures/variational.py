"""Fill a record from an answer about a Hamiltonian: what is measured depends on what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ...contract import Couplings, GroundState, Quench, Spectrum, Variational
from ..finished import Finished, Say
from ..record import Record
from . import _couplings, _ground_state, _quench, _spectrum

MEASURES: Mapping[type, Callable[[Finished], dict[str, np.ndarray]]] = {
    GroundState: _ground_state.measure,
    Spectrum: _spectrum.measure,
    Quench: _quench.measure,
    Couplings: _couplings.measure,
}


def describe(task: Variational, record: Record, say: Say) -> None:
    """A law has no data; sites that it leaves alone are named."""
    free = task.law.free_sites
    if free:
        named = ", ".join(map(str, free[:8])) + ", ..." * (len(free) > 8)
        one = len(free) == 1
        say(
            f"no string of the law acts on site{'' if one else 's'} {named}: free spin{'' if one else 's'} among its "
            f"{task.law.n_sites} sites, which are counted from 0"
        )


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    return MEASURES[type(fit.task.asked)](fit)

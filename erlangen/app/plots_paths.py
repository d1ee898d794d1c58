"""Pictures of a state that moves in time: observables against the truth, and how far it is from the exact state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .plots import BLUE, INK, ORANGE, axis_label, figure_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def observable(times: np.ndarray, values: np.ndarray, errors: np.ndarray, true: np.ndarray | None, name: str) -> Figure:
    """The mean of an observable at all times, with its error bars (one standard error), over the exact curve."""
    figure = figure_of()
    axes = figure.subplots()
    if true is not None:
        axes.plot(times, true, color=INK, lw=2.6, alpha=0.35, label="exact")
    bars = errors if np.any(errors) else None
    axes.errorbar(times, values, yerr=bars, fmt="o", color=BLUE, ms=4, mec="white", mew=0.6, label="variational")
    axes.set_xlabel(axis_label("time", "1/J"))
    axes.set_ylabel(f"⟨{name}⟩")
    axes.legend(loc="best")
    axes.set_title(f"⟨{name}⟩ after the quench")
    return figure


def infidelity(times: np.ndarray, measured: np.ndarray | None, bound: np.ndarray) -> Figure:
    """Infidelity against the exact state, and the bound that the residual of the velocity gives without knowing it."""
    figure = figure_of()
    axes = figure.subplots()
    if measured is not None:
        axes.plot(times, np.maximum(measured, 1e-16), color=BLUE, label="against exact evolution")
    axes.plot(times[1:], np.maximum(bound[1:], 1e-16), color=ORANGE, ls="--", label="bound by the residual")
    axes.set_yscale("log")
    axes.set_xlabel(axis_label("time", "1/J"))
    axes.set_ylabel(r"$1 - |\langle\psi_{exact}|\psi\rangle|^2$")
    axes.legend(loc="best")
    axes.set_title("Distance from the exact state")
    return figure

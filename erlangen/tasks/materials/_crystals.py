"""What follows from a fitted potential for the crystal of its element, judged beside the law or the labels.

of_law(name, element)        truth: the law of the labels; all of it
of_labels(parts, element)    truth: what strained frames of density functional theory state (`data.elastic_labels`)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...assess.metrics import absolute
from ...assess.symmetry import in_double
from ...contract import Consequence, Curve, Quantities, Samples, Score
from ...core.systems import Atoms
from ...data.cache import key as cache_key
from ...data.cache import remembered
from ...data.elastic_labels import Stated
from ...numerics.mechanics import Surface
from ...numerics.precision import double
from ...physics import crystal_energies as energies
from ...physics.interatomic.catalogue import law


def relative(predicted: Any, true: Any) -> float:
    """|y - y*| / |y*|."""
    return float(np.mean(np.abs(np.asarray(predicted) - np.asarray(true)) / np.abs(np.asarray(true))))


ELASTIC = (
    Score("elastic_error", "elastic", relative, "%", "elastic constants", factor=100),
    Score("elastic_mae", "elastic", absolute, "GPa", "elastic constants, MAE"),
    Score("lattice_error", "lattice", relative, "%", "lattice constant", factor=100),
    Score("bulk_error", "bulk", relative, "%", "bulk modulus", factor=100),
)
DEFECTS = (
    Score("vacancy_error", "vacancy", absolute, "eV", "vacancy formation energy"),
    Score("surface_error", "surfaces", absolute, "J/m^2", "energies of free surfaces"),
)
CURVE = Curve(
    "Equation of state",
    "volume",
    "energy_above",
    (("volume per atom", "A^3"), ("energy above the least", "eV/atom")),
    caption="The crystal stretched evenly; strains of the training frames are far smaller.",
)


def of_law(name: str, unit: Atoms, others: Sequence[str]) -> Consequence:
    """Elastic constants, equation of state, vacancy and surfaces, on the law of the labels and on other laws."""

    def on(other: str) -> Callable[[], Quantities]:
        return lambda: _kept(other, unit)

    return Consequence(
        "crystal",
        Surface,
        derive=lambda answer, key: derived(_double(answer), unit),
        true=on(name),
        scores=(*ELASTIC, *DEFECTS),
        curves=(CURVE,),
        opponents={other: on(other) for other in others},
    )


def of_labels(stated: Stated, unit: Atoms, others: Sequence[str]) -> Consequence:
    """Elastic constants with atoms in their places, lattice constant and bulk modulus, beside what labels state."""
    names = list(energies.names_of(unit))
    c = stated.constants
    truth: Quantities = {
        "elastic": [c[k] for k in names],
        "lattice": [stated.lattice * len(unit.positions) ** (1 / 3)],
        "bulk": [(c["C11"] + 2 * c["C12"]) / 3],
    }
    return Consequence(
        "crystal",
        Surface,
        derive=lambda answer, key: clamped(_double(answer), unit),
        true=lambda: truth,
        scores=ELASTIC,
        curves=(CURVE,),
        opponents={other: functools.partial(_clamped_law, other, unit) for other in others},
    )


def derived(surface: Surface, unit: Atoms) -> dict[str, list[Any]]:
    """All quantities of the crystal on a surface, one list each."""
    with double():
        state = energies.at_rest(surface, unit)
        relaxed, _ = energies.constants(surface, state.unit)
        found = energies.defects(surface, state.unit)
        return {
            **_state(state),
            "elastic": list(relaxed.values()),
            "vacancy": [found.vacancy],
            "surfaces": list(found.surfaces.values()),
        }


def clamped(surface: Surface, unit: Atoms) -> dict[str, list[Any]]:
    """Those that labels of strained cells state: elastic constants with atoms in their places."""
    with double():
        state = energies.at_rest(surface, unit)
        return {**_state(state), "elastic": list(energies.constants(surface, state.unit)[1].values())}


def _state(state: energies.EquationOfState) -> dict[str, list[Any]]:
    return {
        "lattice": [state.lattice],
        "bulk": [state.bulk],
        "volume": [state.volumes],
        "energy_above": [state.energies],
    }


def _clamped_law(name: str, unit: Atoms) -> Quantities:
    return clamped(law(name), unit)


def _kept(name: str, unit: Atoms) -> Quantities:
    """The same of a law, computed once."""
    of = {"law": name, "numbers": np.asarray(unit.atomic_numbers).tolist(), "cell": np.round(unit.cell, 6).tolist()}
    found = remembered(
        cache_key("crystal", of, made_by=(derived,)),
        lambda: Samples([unit], {k: [np.asarray(v)] for k, v in derived(law(name), unit).items()}),
    )
    return {k: list(v[0]) for k, v in found.outputs.items()}


def _double(answer: Surface) -> Surface:
    with double():
        return in_double(answer)

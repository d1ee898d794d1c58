"""Phonons of crystals on a potential that was fitted to forces: does it know how the surface bends?

    D(q) e = omega^2 e,        D_{ia,jb}(q) = sum_R d^2E / dr_ia(0) dr_jb(R) e^{2 pi i q . R} / sqrt(m_i m_j)

Trained on a few frames of one crystal at moderate temperature (`materials/potentials`), judged on second derivatives
that it never saw: frequencies on a mesh, at the special points of the zone, heat capacity, free energy and Grueneisen
parameter of the crystal at its own volume, compressed, stretched, and sheared. Truth: the law of the labels itself,
exactly and from the unit cell (`physics.phonons`). Opponents: the same law by finite displacements in supercells, as
phonopy does it. Answers that are several potentials (`ensemble`) are also judged by whether their spread says how far
off a frequency is. Born and Huang 1954; how far universal potentials are: Lee et al. 2024, arXiv:2407.09674.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ...assess.committee import Committee
from ...assess.metrics import absolute, largest
from ...contract import Consequence, Curve, Quantities, Score
from ...core.systems import Atoms
from ...numerics.mechanics import Surface
from ...physics.crystal_frames import Conditions
from ...physics.force_constants import ForceConstants, primitive
from ...physics.interatomic.catalogue import law
from ...physics.phonons import Phonons as Vibrations
from ...physics.phonons import density_of_states, mean_grueneisen, mesh, path, swollen, thermal
from .potentials import Potentials, crystal_of

FEW = 10  # training frames
MESH = 6
ROOM = 300.0  # K
POINTS = 60  # on the path
GRID = 200  # of the density of states
SUPERCELLS = (2, 3, 4)
INSIDE = 1.645  # standard deviations that hold 90 %
COMPRESSED = 0.03  # of the volume, either way
SHEAR = np.array([[0.01, 0.01, 0.0], [0.01, -0.01, 0.0], [0.0, 0.0, 0.0]])
MOLE = 96485.33212  # eV in J/mol


@dataclasses.dataclass(frozen=True)
class Phonons(Potentials):
    """Frequencies of crystals on a potential that was fitted to frames of a law, or of an own file."""

    engine: str = "stillinger-weber-si"  # law and element, as in materials/potentials
    temperature: float = 300.0  # K, of the sampled frames
    strain: float = 0.01  # of the sampled cells: standard deviation of each component
    n_train: int = 30  # training frames
    n_test: int = 12  # test frames, and as many for calibration; a third of it for validation

    toy: ClassVar[Mapping[str, Any]] = {"n_train": 5, "n_test": 5}

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """Phonons, and how well their spread knows; not of files, which have no second derivatives, nor of a trial with
        a handful of frames.
        """
        if not self._law or self.n_train < FEW:
            return ()
        opponents = {f"supercell {n}": functools.partial(self._by_supercell, n) for n in SUPERCELLS}
        return (
            Consequence(
                "phonons",
                Surface,
                derive=lambda answer, key: self._vibrations(answer),
                true=self._true,
                scores=(
                    Score("frequency_mae", "frequencies", absolute, "THz", "frequency MAE"),
                    Score("frequency_max", "frequencies", largest, "THz", "largest frequency error"),
                    Score("boundary_mae", "special", absolute, "THz", "MAE at special points"),
                    Score("heat_capacity", "heat", absolute, "J/(mol K)", "heat capacity at 300 K"),
                    Score("free_energy", "free", absolute, "meV/atom", "vibrational free energy at 300 K"),
                    Score("grueneisen", "grueneisen", absolute, "1", "Grueneisen parameter at 300 K"),
                ),
                curves=(
                    Curve("Dispersion", "distance", "dispersion", (("wave vector", "2 pi/A"), ("frequency", "THz"))),
                    Curve("Density of states", "grid", "states", (("frequency", "THz"), ("states", "1/THz"))),
                ),
                opponents=opponents,
            ),
            Consequence(
                "spread of frequencies",
                Committee,
                derive=lambda answer, key: self._known(answer),
                true=lambda: {"inside": [0.9] * len(self.crystals), "ranking": [1.0] * len(self.crystals)},
                scores=(
                    Score("frequency_coverage", "inside", absolute, "%", "frequencies in 90 % bands", factor=100),
                    Score(
                        "frequency_ranking", "ranking", absolute, "1", "rank correlation of spread and error, from 1"
                    ),
                ),
                curves=(
                    Curve("Error by spread", "spread", "error", (("spread", "THz"), ("root mean square error", "THz"))),
                ),
            ),
        )

    @functools.cached_property
    def crystals(self) -> dict[str, Atoms]:
        """What is judged: primitive cells at the law's own volume, compressed, stretched, and sheared by 1 %."""
        unit = primitive(crystal_of(self.engine))
        deformed = np.eye(3) + SHEAR
        sheared = Atoms(unit.positions @ deformed, unit.atomic_numbers, unit.cell @ deformed, unit.pbc)
        volumes = {"compressed": 1 - COMPRESSED, "stretched": 1 + COMPRESSED}
        return {"equilibrium": unit, **{name: swollen(unit, f) for name, f in volumes.items()}, "sheared": sheared}

    @property
    def _conditions(self) -> Conditions:
        """Whole crystals, none of which lacks an atom."""
        return Conditions(self.temperature, self.strain, vacancies=0.0)

    def _vibrations(self, surface: Surface) -> dict[str, list[Any]]:
        """Of every crystal."""
        return _gathered(
            _vibrations(lambda q, x=x: Vibrations.of(surface, x).frequencies(q), x, surface)
            for x in self.crystals.values()
        )

    @functools.cached_property
    def _exact(self) -> dict[str, list[Any]]:
        return self._vibrations(law(self._law))

    def _true(self) -> Quantities:
        return self._exact

    def _by_supercell(self, size: int) -> Quantities:
        """The law of the labels by finite displacements in a supercell of size^3 primitive cells."""
        surface = law(self._law)
        return _gathered(
            _vibrations(ForceConstants.displaced(surface, x, size).frequencies, x) for x in self.crystals.values()
        )

    def _known(self, answer: Committee) -> dict[str, list[Any]]:
        """By crystal: share of frequencies within 1.645 standard deviations of the members, rank correlation of spread
        and error, and the error of frequencies in ten classes of equal spread.
        """
        from scipy.stats import spearmanr

        each = [self._vibrations(member)["frequencies"] for member in answer.each]
        found: dict[str, list[Any]] = {"inside": [], "ranking": [], "spread": [], "error": []}
        for i, true in enumerate(self._exact["frequencies"]):
            drawn = np.array([one[i] for one in each])
            spread = np.maximum(drawn.std(0, ddof=1).ravel(), 1e-9)
            error = np.abs(drawn.mean(0) - true).ravel()
            classes = np.array_split(np.argsort(spread), 10)
            found["inside"].append(np.mean(error <= INSIDE * spread))
            found["ranking"].append(spearmanr(spread, error)[0])
            found["spread"].append(np.array([spread[rows].mean() for rows in classes]))
            found["error"].append(np.array([np.sqrt(np.mean(error[rows] ** 2)) for rows in classes]))
        return found


def _vibrations(
    frequencies: Callable[[Float[np.ndarray, "waves 3"]], Float[np.ndarray, "waves modes"]],
    x: Atoms,
    surface: Surface | None = None,
) -> dict[str, Any]:
    """Frequencies of all waves of the mesh, at special points, along the path, and what follows of them."""
    way = path(x, POINTS)
    places = [int(np.argmin(np.abs(way.distance - at))) for at, name in way.labels if name != "G"]
    q, weights = mesh((MESH,) * 3, x)
    both = frequencies(np.concatenate([q, way.q]))
    nu, along = both[: len(q)], both[len(q) :]
    atoms, heat = len(x.positions), thermal(nu, weights, np.array([ROOM]))
    grid = np.linspace(0, 1.1 * nu.max(), GRID)
    found = {
        "frequencies": np.repeat(nu, np.rint(weights * MESH**3).astype(int), 0),
        "special": along[places],
        "heat": MOLE * heat.heat_capacity[0] / atoms,
        "free": 1000 * heat.free_energy[0] / atoms,
        "distance": way.distance,
        "dispersion": along,
        "grid": grid,
        "states": density_of_states(nu, weights, grid, 0.2),
    }
    if surface is not None:
        found["grueneisen"] = mean_grueneisen(surface, x, q, weights, ROOM)
    return found


def _gathered(cases: Any) -> dict[str, list[Any]]:
    """Values of all cases by name."""
    rows: Sequence[dict[str, Any]] = list(cases)
    return {name: [row[name] for row in rows] for name in rows[0]}

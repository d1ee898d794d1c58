"""Measured pair distribution functions and a neutron pattern beside what their crystals give.

    python benchmarks/scattering_of_known_crystals.py DATA

DATA/pair_distribution: G(r) of nickel (X-rays) and of LaMnO3 at 300 K and 550 K (neutrons), with PDFfit structures
(test data of diffpy.pdfgui; Farrow et al. 2007, doi:10.1088/0953-8984/19/33/335219). DATA/powder_diffraction/neutron:
La0.5Ba0.5CoO3 at HRPT, with its CIF (test data of easydiffraction). See the README files there.

Printed: R_w = |G - c G_calc| / |G| from 1.5 A on with the structure as given and the scale c, and with lattice scale,
one factor on all displacements, damping and correlated motion fitted; of the neutron pattern the profile R_wp with
wavelength, zero, widths, lattice constant, displacements and a polynomial background fitted.
"""

from __future__ import annotations

import argparse
import dataclasses
import lzma
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from erlangen.data.scatterer_files import read_scatterers
from erlangen.physics.diffraction import Scatterers, lines
from erlangen.physics.pair_distribution import Resolution, disagreement, pair_distribution
from erlangen.physics.powder import Instrument, profile

MEASURED = (  # file, structure, radiation, q_max [1/A]
    ("Ni_xray", "Ni", "x-ray", 40.0),
    ("Ni_pdf", "Ni", "x-ray", 40.0),
    ("LaMnO3_300K_neutron", "LaMnO3", "neutron", 32.0),
    ("LaMnO3_550K_neutron", "LaMnO3", "neutron", 32.0),
)
FIRST, LAST = 1.5, 20.0  # A


def structure(path: Path) -> Scatterers:
    """Of a PDFfit file: cell, fractional places, occupancies, mean of U_11, U_22, U_33."""
    from ase.data import atomic_numbers
    from ase.geometry import cellpar_to_cell

    rows = [line.replace(",", " ").split() for line in path.read_text().splitlines()]
    cell = next(cellpar_to_cell([float(v) for v in row[1:7]]) for row in rows if row and row[0] == "cell")
    body = rows[next(i for i, row in enumerate(rows) if row == ["atoms"]) + 1 :]
    sites = [body[i : i + 6] for i in range(0, len(body) - 5, 6)]
    numbers = np.array([atomic_numbers[site[0][0].capitalize()] for site in sites])
    places = np.array([[float(v) for v in site[0][1:4]] for site in sites])
    occupancies = np.array([float(site[0][4]) for site in sites])
    u = np.array([np.mean([float(v) for v in site[2]]) for site in sites])
    return Scatterers(np.asarray(cell), places, numbers, occupancies, u, np.eye(3, dtype=int)[None])


def changed(crystal: Scatterers, sizes: float | np.ndarray, motion: float) -> Scatterers:
    """Lengths (one factor, or one each) and displacements times a factor."""
    cell = np.reshape(sizes, (-1, 1)) * crystal.cell
    return dataclasses.replace(crystal, cell=cell, displacements=motion * crystal.displacements)


def distribution(folder: Path, name: str, crystal: Scatterers, radiation: str, q_max: float) -> str:
    """One line of the table."""
    with lzma.open(folder / f"{name}.csv.xz", "rt") as file:
        rows = [line.split(",") for line in file if line[:1].isdigit()]
    r, g = np.array(rows, float)[:, :2].T
    step = float(np.median(np.diff(r)))
    grid = step * np.arange(1, round(min(float(r[-1]), LAST) / step) + 1)
    inside = grid >= max(FIRST, float(r[0]))
    measured = np.interp(grid, r, g)[inside]

    def computed(p: np.ndarray) -> np.ndarray:
        motion, damp, delta, *sizes = p
        resolution = Resolution(q_max=q_max, q_damp=damp, delta_2=delta)
        return pair_distribution(changed(crystal, np.array(sizes), motion), grid, resolution, radiation)[inside]

    def gap(p: np.ndarray) -> np.ndarray:
        found = computed(p)
        return measured - disagreement(measured, found)[1] * found

    n = 1 if np.ptp(np.linalg.norm(crystal.cell, axis=1)) < 1e-6 else 3  # lengths that are free
    start = np.array([1.0, 0.05, 1.0, *[1.0] * n])
    given = disagreement(measured, computed(np.array([1.0, 0.05, 0.0, *[1.0] * n])))[0]
    limits = ([0.2, 0.0, 0.0, *[0.96] * n], [8.0, 0.2, 6.0, *[1.04] * n])
    steps = [0.05, 0.05, 0.05, *[3e-4] * n]
    fit = least_squares(gap, start, bounds=limits, x_scale=[0.3, 0.02, 1.0, *[1e-3] * n], diff_step=steps)
    (motion, damp, delta, *sizes), (r_w, scale) = fit.x, disagreement(measured, computed(fit.x))
    said = ", ".join(f"{v:.4f}" for v in sizes)
    return (
        f"{name:22s} {radiation:8s} {given:8.3f} {r_w:8.3f}   cell x {said}, U x {motion:.2f}, "
        f"q_damp {damp:.3f}, delta_2 {delta:.2f}, scale {scale:.2f}"
    )


def neutrons(folder: Path) -> str:
    """R_wp of the neutron pattern."""
    with lzma.open(folder / "hrpt_lbco.xye.xz", "rt") as file:
        x, y, error = np.array([line.split()[:3] for line in file if not line.lstrip().startswith("#")], float).T
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "lbco.cif"  # the file leaves out gamma, which is 90 degrees where it is not stated
        text = (folder / "lbco.cif").read_text()
        file.write_text(text.replace("_cell.length_a", "_cell.angle_gamma  90\n _cell.length_a"))
        crystal = read_scatterers(file)[0][1]
    t = 2 * (x - x[0]) / (x[-1] - x[0]) - 1

    def bragg(p: np.ndarray) -> np.ndarray:
        wavelength, zero, u, v, w, eta, motion = p
        instrument = Instrument(u, v, w, float(np.clip(eta, 0, 1)), zero=zero)
        found = lines(changed(crystal, 1.0, motion), wavelength, (8.0, 170.0), radiation="neutron")
        return profile(found, x, instrument, wavelength)

    def fitted(p: np.ndarray) -> np.ndarray:
        try:
            peaks = bragg(p)
        except ValueError:  # widths that are not positive
            return np.full(len(x), 1e6)
        columns = np.concatenate([peaks[:, None], np.polynomial.chebyshev.chebvander(t, 5)], 1)
        return columns @ np.linalg.lstsq(columns / error[:, None], y / error, rcond=None)[0]

    start = np.array([1.494, 0.6, 0.1, -0.12, 0.15, 0.1, 1.0])
    fit = least_squares(lambda p: (y - fitted(p)) / error, start, x_scale=[1e-3, 0.05, 0.05, 0.05, 0.05, 0.2, 0.5])
    r_wp = float(np.linalg.norm(fit.fun) / np.linalg.norm(y / error))
    chi = float(np.sum(fit.fun**2) / (len(x) - 13))
    said = ", ".join(f"{n} {v:.4f}" for n, v in zip(("wavelength", "zero", "u", "v", "w", "eta", "U x"), fit.x))
    return f"La0.5Ba0.5CoO3, neutrons: R_wp = {r_wp:.4f}, chi^2 = {chi:.2f}   {said}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    options: Any = parser.parse_args()
    folder = options.data / "pair_distribution"
    print(f"{'G(r)':22s} {'':8s} {'R_w':>8s} {'fitted':>8s}")
    for name, of, radiation, q_max in MEASURED:
        print(distribution(folder, name, structure(folder / f"{of}.stru"), radiation, q_max), flush=True)
    print(neutrons(options.data / "powder_diffraction" / "neutron"))


if __name__ == "__main__":
    main()

"""Bragg reflections of a crystal and the lines of its powder: positions, intensities, indices, multiplicities.

    F(h) = sum_j o_j (f_j(s) + f' + i f'') exp(-8 pi^2 U_j s^2) exp(2 pi i h . x_j),   s = sin(theta)/lambda = 1/2d
    I = m |F|^2 (1 + cos^2 2theta) / (sin^2 theta cos theta) W,                           2 d sin(theta) = lambda

f_j: neutral atoms, International Tables C (2006), table 6.1.1.4 (Cromer and Mann 1968, doi:10.1107/S0567739468000550),
and neutron lengths, both as gemmi keeps them; f', f'': Cromer and Liberman 1981, doi:10.1107/S0567739481000600, as
there. W: March's texture of grains, Dollase 1986, doi:10.1107/S0021889886089458. Systematic absences need no list: F is
zero. A family {hkl} is an orbit of the Laue group; families that fall on one angle (333 and 511) stay two lines.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Complex, Float, Int

from ..core.errors import Invalid, unknown
from ..core.systems import Atoms

# A: K alpha 1 and 2 of the usual anodes, Deslattes et al. 2003, doi:10.1103/RevModPhys.75.35; they shine 2 to 1
ANODES = {
    "Cr": (2.2897260, 2.2936510),
    "Fe": (1.9360410, 1.9399730),
    "Co": (1.7889960, 1.7928350),
    "Cu": (1.5405929, 1.5444274),
    "Mo": (0.7093172, 0.7136071),
    "Ag": (0.5594218, 0.5638131),
}
ENERGY = 12398.41984  # eV A: of a photon times its wavelength
ABSENT = 1e-8  # of the strongest intensity: rounding of a sum that is zero
MOST = 2_000_000  # reflections in reach
RADIATIONS = ("x-ray", "neutron")


@dataclasses.dataclass(frozen=True)
class Scatterers:
    """A crystal as waves see it.

    cell [3, 3] in A, rows are lattice vectors; places [n, 3] fractional; displacements: U_iso in A^2; rotations [g, 3,
    3]: W of its operations x' = W x + w, whose orbits are the families of reflections.
    """

    cell: Float[np.ndarray, "3 3"]
    places: Float[np.ndarray, "n 3"]
    atomic_numbers: Int[np.ndarray, " n"]
    occupancies: Float[np.ndarray, " n"]
    displacements: Float[np.ndarray, " n"]
    rotations: Int[np.ndarray, "g 3 3"]

    @property
    def volume(self) -> float:
        """Of the cell [A^3]."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def reciprocal(self) -> Float[np.ndarray, "3 3"]:
        """Rows a*, b*, c* [1/A], without 2 pi."""
        return np.linalg.inv(self.cell).T


@dataclasses.dataclass(frozen=True)
class Reflections:
    """Families of reflections, d falling. hkl [m, 3]: one member; square [m]: |F|^2; members: all of them, and the
    family [k] of each.
    """

    hkl: Int[np.ndarray, "m 3"]
    d: Float[np.ndarray, " m"]
    multiplicity: Int[np.ndarray, " m"]
    square: Float[np.ndarray, " m"]
    members: Int[np.ndarray, "k 3"]
    family: Int[np.ndarray, " k"]


@dataclasses.dataclass(frozen=True)
class Lines:
    """Lines of a powder by rising angle: two_theta [m] in degrees, intensity [m] on any scale, d [m] in A."""

    two_theta: Float[np.ndarray, " m"]
    intensity: Float[np.ndarray, " m"]
    d: Float[np.ndarray, " m"]
    hkl: Int[np.ndarray, "m 3"]
    multiplicity: Int[np.ndarray, " m"]


def scatterers(atoms: Atoms, displacement: float = 0.0, precision: float = 1e-3) -> Scatterers:
    """The crystal of `atoms`, all sites full, with its rotations as spglib finds them within `precision` [A]."""
    cell, numbers = np.asarray(atoms.cell, float), np.asarray(atoms.atomic_numbers, int)
    if abs(np.linalg.det(cell)) < 1e-6:
        came = f"a cell of the volume {abs(np.linalg.det(cell)):.3g} A^3"
        raise Invalid(must="what diffracts is periodic in three directions", came=came, do="Give the atoms a cell.")
    places = np.asarray(atoms.positions, float) @ np.linalg.inv(cell)
    n = len(numbers)
    return Scatterers(
        cell, places, numbers, np.ones(n), np.full(n, displacement), rotations_of(cell, places, numbers, precision)
    )


def rotations_of(
    cell: Float[np.ndarray, "3 3"],
    places: Float[np.ndarray, "n 3"],
    numbers: Int[np.ndarray, " n"],
    precision: float = 1e-3,
) -> Int[np.ndarray, "g 3 3"]:
    """W of all operations of the space group, each once; the identity alone where spglib finds no group."""
    import warnings

    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spglib announces a change of its own error handling
        found = spglib.get_symmetry((cell, places, numbers), symprec=precision)  # type: ignore[arg-type]
    return np.unique(found["rotations"], axis=0) if found else np.eye(3, dtype=int)[None]


def wavelengths(name: str | float) -> tuple[tuple[float, float], ...]:
    """(wavelength [A], weight) of CuKa (both lines), CuKa1, Co, MoKa, ..., or of a number in A."""
    try:
        value = float(name)
    except ValueError:
        pass
    else:
        if not 0.1 <= value <= 10:
            raise Invalid(
                must="a wavelength is a number of Angstrom between 0.1 and 10",
                came=f"{name}",
                do="1.5406 is Cu K alpha 1; an energy E in keV is 12.398/E.",
            )
        return ((value, 1.0),)
    text = str(name).strip().replace(" ", "").replace("α", "a").lower().removesuffix("lpha")
    for anode, (first, second) in ANODES.items():
        lines = {"": ((first, 2 / 3), (second, 1 / 3)), "1": ((first, 1.0),), "2": ((second, 1.0),)}
        for which, found in lines.items():
            if text in (f"{anode.lower()}ka{which}", f"{anode.lower()}kalpha{which}", anode.lower() + which):
                return found
    raise unknown("the wavelength", str(name), [f"{anode}Ka{i}" for anode in ANODES for i in ("", "1")])


def form_factors(
    numbers: Int[np.ndarray, " z"], s: Float[np.ndarray, " m"], radiation: str = "x-ray"
) -> Float[np.ndarray, "z m"]:
    """f(s) = sum_i a_i exp(-b_i s^2) + c in electrons, s in 1/A up to 2; or bound coherent lengths in fm."""
    import gemmi

    if radiation not in RADIATIONS:
        raise unknown("the radiation", radiation, RADIATIONS)
    rows = []
    for z in numbers:
        element = gemmi.Element(int(z))
        if radiation == "neutron":
            rows.append(np.full(len(s), element.neutron92.get_coefs()[0]))
            continue
        if element.it92 is None:
            raise Invalid(must="elements up to 98 scatter", came=f"Z = {int(z)}", do="No form factor is known.")
        *terms, c = element.it92.get_coefs()
        a, b = np.array(terms[:4]), np.array(terms[4:])
        rows.append(a @ np.exp(-b[:, None] * s**2) + c)
    return np.array(rows).reshape(len(numbers), len(s))


def dispersion(numbers: Int[np.ndarray, " z"], wavelength: float) -> Complex[np.ndarray, " z"]:
    """f' + i f'' near absorption edges."""
    import gemmi

    return np.array([complex(*gemmi.cromer_liberman(int(z), ENERGY / wavelength)) if z > 2 else 0j for z in numbers])


def structure_factors(
    crystal: Scatterers,
    hkl: Int[np.ndarray, "m 3"],
    wavelength: float | None = None,
    radiation: str = "x-ray",
) -> Complex[np.ndarray, " m"]:
    """F(h); with f' + i f'' of that wavelength, where one is given."""
    s = 0.5 * np.linalg.norm(hkl @ crystal.reciprocal, axis=1)
    elements, kind = np.unique(crystal.atomic_numbers, return_inverse=True)
    f = form_factors(elements, s, radiation).astype(complex)
    if wavelength is not None and radiation == "x-ray":
        f += dispersion(elements, wavelength)[:, None]
    total = np.zeros(len(hkl), complex)
    for j in range(len(kind)):  # memory of one atom at a time
        damped = crystal.occupancies[j] * np.exp(-8 * np.pi**2 * crystal.displacements[j] * s**2)
        total += damped * f[kind[j]] * np.exp(2j * np.pi * (hkl @ crystal.places[j]))
    return total


def reflections(
    crystal: Scatterers,
    shortest: float,
    longest: float = np.inf,
    wavelength: float | None = None,
    radiation: str = "x-ray",
) -> Reflections:
    """All families with shortest <= d <= longest [A] that are not absent."""
    most = np.floor(np.linalg.norm(crystal.cell, axis=1) / shortest + 1e-9).astype(int)
    if np.prod(2 * most + 1.0) > MOST:
        raise Invalid(
            must=f"at most {MOST} reflections are in reach",
            came=f"{np.prod(2 * most + 1.0):.3g} down to d = {shortest:.3g} A",
            do="Choose a smaller angle, or a longer wavelength.",
        )
    every = np.stack(np.meshgrid(*(np.arange(-k, k + 1) for k in most), indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(every @ crystal.reciprocal, axis=1)
    every = every[(length > 1e-9) & (length <= (1 + 1e-9) / shortest) & (length * longest >= 1 - 1e-9)]
    if not len(every):
        none = np.zeros(0, int)
        return Reflections(every, np.zeros(0), none, np.zeros(0), every, none)
    hkl, family, multiplicity = np.unique(
        _first_of_orbit(crystal, every), axis=0, return_inverse=True, return_counts=True
    )
    square = np.abs(structure_factors(crystal, hkl, wavelength, radiation)) ** 2
    d = 1 / np.linalg.norm(hkl @ crystal.reciprocal, axis=1)
    order = np.lexsort((-hkl[:, 0], -np.round(d, 9)))
    order = order[square[order] > ABSENT * np.max(square)]
    place = np.full(len(hkl), -1)
    place[order] = np.arange(len(order))
    family = place[family.ravel()]
    kept = family >= 0
    return Reflections(hkl[order], d[order], multiplicity[order], square[order], every[kept], family[kept])


def lines(
    crystal: Scatterers,
    wavelength: float,
    range: tuple[float, float] = (5.0, 90.0),
    texture: tuple[tuple[int, int, int], float] | None = None,
    radiation: str = "x-ray",
) -> Lines:
    """The lines between two angles 2 theta [degree]; texture: (preferred hkl, r of March), r < 1 for platelets."""
    low, high = range
    if not 0 <= low < high <= 180:
        raise Invalid(must="0 <= 2 theta <= 180, rising", came=f"{low:g} to {high:g}", do="For instance 5 to 90.")
    shortest = 0.5 * wavelength / np.sin(np.deg2rad(high / 2))
    longest = 0.5 * wavelength / np.sin(np.deg2rad(low / 2)) if low > 0 else np.inf
    found = reflections(crystal, shortest, longest, wavelength, radiation)
    theta = np.arcsin(np.clip(0.5 * wavelength / found.d, 0.0, 1.0))
    weight = found.multiplicity * found.square * lorentz_polarisation(theta, radiation)
    if texture is not None:
        weight = weight * march_dollase(crystal, found, *texture)
    return Lines(2 * np.rad2deg(theta), weight, found.d, found.hkl, found.multiplicity)


def lorentz_polarisation(theta: Float[np.ndarray, " m"], radiation: str = "x-ray") -> Float[np.ndarray, " m"]:
    """(1 + cos^2 2theta) / (sin^2 theta cos theta) of an unpolarised beam; neutrons: 1 / (sin^2 theta cos theta)."""
    polarised = 1 + np.cos(2 * theta) ** 2 if radiation == "x-ray" else 1.0
    return polarised / (np.sin(theta) ** 2 * np.maximum(np.cos(theta), 1e-6))


def march_dollase(
    crystal: Scatterers, found: Reflections, axis: tuple[int, int, int], r: float
) -> Float[np.ndarray, " m"]:
    """W = mean over the family of (r^2 cos^2 a + sin^2 a / r)^(-3/2), a: angle from h to the preferred h."""
    if not 0.05 <= r <= 20:
        raise Invalid(must="r of March lies between 0.05 and 20", came=f"{r:g}", do="1 is a powder without texture.")
    h = found.members @ crystal.reciprocal
    preferred = np.asarray(axis) @ crystal.reciprocal
    cosine = h @ preferred / (np.linalg.norm(h, axis=1) * np.linalg.norm(preferred))
    weight = (r**2 * cosine**2 + (1 - cosine**2) / r) ** -1.5
    return np.bincount(found.family, weight, len(found.d)) / found.multiplicity


def _first_of_orbit(crystal: Scatterers, hkl: Int[np.ndarray, "k 3"]) -> Int[np.ndarray, "k 3"]:
    """Of every orbit under h -> h W and h -> -h the member that comes last in lexical order."""
    reach = 3 * int(np.abs(hkl).max()) + 1  # equivalent reflections are as long, those of a strained cell nearly so
    code = np.array([(2 * reach + 1) ** 2, 2 * reach + 1, 1], np.int64)
    best, largest = hkl, hkl @ code
    for turn in (sign * w for w in crystal.rotations for sign in (1, -1)):
        other = hkl @ turn
        rank = other @ code
        better = rank > largest
        best, largest = np.where(better[:, None], other, best), np.maximum(rank, largest)
    return best

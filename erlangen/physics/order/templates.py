"""Template matching: which perfect crystal the surroundings of an atom are nearest to, turned and scaled at best.

    RMSD_T = min over s, R, P of [ 1/(N + 1) sum_j | s r_j - R t_P(j) |^2 ]^(1/2),      mean |t_j| = 1

r: the atom and its N neighbours about their centre; t: those of the template T; s a scale, R a rotation, P an
assignment. Polyhedral template matching (Larsen, Schmidt and Schiotz 2016, doi:10.1088/0965-0393/24/5/055007) finds P
from the convex hull of the neighbours; here from two neighbours: each pair of directions in the template gives a
rotation, each rotation a nearest assignment, and the best few are refined. The same minimum wherever the hull finds
one, and an answer also where heat has changed the hull. Good values of the largest RMSD: 0.10 to 0.15; more where it
is hot.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from erlangen.core.systems import System

from .common_neighbours import ORDERS
from .surroundings import nearest, second

REFINED = 3  # rotations of which the assignment is made exact
AT_ONCE = 256  # atoms


@dataclasses.dataclass(frozen=True)
class Template:
    """Neighbours [k, 3] at a mean distance of 1, and the pairs of them whose directions give different rotations."""

    points: Float[np.ndarray, "k 3"]
    frames: Float[np.ndarray, "pairs 3 3"]


def match(x: System, limit: float = 0.12) -> Int[np.ndarray, " n"]:
    """Place in `ORDERS` of every atom: the template of least RMSD, "other" where that is above `limit`."""
    error = deviations(x)
    best = np.argmin(error, 1)
    return np.where(error[np.arange(len(best)), best] < limit, best, ORDERS.index("other"))


def deviations(x: System) -> Float[np.ndarray, "n 4"]:
    """RMSD from each crystal of `ORDERS`, in units of the mean distance of the neighbours."""
    shell = nearest(x, 14)
    around = {"fcc": shell.vectors[:, :12], "hcp": shell.vectors[:, :12], "bcc": shell.vectors}
    around["diamond"] = np.concatenate([shell.vectors[:, :4], second(shell.first(4))], 1)
    found = np.empty((len(shell.atoms), 4))
    for place, name in enumerate(ORDERS[:4]):
        for start in range(0, len(found), AT_ONCE):
            rows = slice(start, start + AT_ONCE)
            found[rows, place] = _least(around[name][rows], template(name))
    return found


@functools.cache
def template(name: str) -> Template:
    """Of a perfect crystal, by name."""
    a = np.array([[i, j, k] for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)], float)
    if name == "fcc":
        points = a[np.isclose((a**2).sum(1), 2)]
    elif name == "bcc":
        points = np.concatenate([a[np.all(abs(a) == 1, 1)], 2 * a[np.isclose((a**2).sum(1), 1)]])
    elif name == "diamond":
        bonds = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
        points = np.concatenate([bonds, 2 * a[np.isclose((a**2).sum(1), 2)]])
    else:  # six in the plane, three above, the same three below
        turn = np.pi / 3 * np.arange(6)
        plane = np.stack([np.cos(turn), np.sin(turn), np.zeros(6)], 1)
        third = np.pi / 6 + 2 * np.pi / 3 * np.arange(3)
        above = np.stack([np.cos(third), np.sin(third), np.full(3, np.sqrt(2))], 1) / np.sqrt(3)
        points = np.concatenate([plane, above, above * [1, 1, -1]])
    points = points / np.mean(np.linalg.norm(points, axis=1))
    return Template(points, _frames(points))


def _least(vectors: Float[np.ndarray, "n k 3"], t: Template) -> Float[np.ndarray, " n"]:
    """Least RMSD over rotations and assignments."""
    r = vectors / np.mean(np.linalg.norm(vectors, axis=-1), 1)[:, None, None]
    own = _frame(r[:, 0], r[np.arange(len(r)), _across(r)])  # [n, 3, 3], rows are axes
    turned = np.einsum("pab,nac->npbc", t.frames, own)  # turns what the atom sees into the template
    seen = np.einsum("npbc,nkc->npkb", turned, r)
    square = np.sum(seen**2, -1)[..., None] + np.sum(t.points**2, -1) - 2 * seen @ t.points.T
    rough = np.sum(np.min(square, -1), -1) + np.sum(np.min(square, -2), -1)
    best = np.argsort(rough, 1)[:, :REFINED]
    costs = np.take_along_axis(square, best[..., None, None], 1)
    places = np.array([[linear_sum_assignment(one)[1] for one in row] for row in costs])
    return np.min(_fit(r[:, None], t.points[places]), 1)


def _fit(r: Float[np.ndarray, "*any k 3"], t: Float[np.ndarray, "*any k 3"]) -> Float[np.ndarray, "*any"]:
    """RMSD after the best shift, rotation (Kabsch 1976, doi:10.1107/S0567739476001873) and scale, centre included."""
    count = r.shape[-2] + 1
    r, t = (y - np.sum(y, -2, keepdims=True) / count for y in (_with_centre(r), _with_centre(t)))
    left, values, right = np.linalg.svd(np.swapaxes(r, -1, -2) @ t)
    handed = np.sign(np.linalg.det(left) * np.linalg.det(right))
    overlap = values[..., 0] + values[..., 1] + handed * values[..., 2]
    rest = np.sum(t**2, (-1, -2)) - overlap**2 / np.sum(r**2, (-1, -2))
    return np.sqrt(np.maximum(rest, 0) / count)


def _with_centre(y: Float[np.ndarray, "*any k 3"]) -> Float[np.ndarray, "*any k+1 3"]:
    return np.concatenate([y, np.zeros_like(y[..., :1, :])], -2)


def _across(r: Float[np.ndarray, "n k 3"]) -> Int[np.ndarray, " n"]:
    """The neighbour whose direction is nearest to a right angle with the first."""
    u = r / np.linalg.norm(r, axis=-1)[..., None]
    return np.argmin(abs(np.einsum("nka,na->nk", u, u[:, 0])), 1)


def _frames(points: Float[np.ndarray, "k 3"]) -> Float[np.ndarray, "pairs 3 3"]:
    """Axes of ordered pairs that are not nearly parallel, one of those that a rotation of the template exchanges."""
    u = points / np.linalg.norm(points, axis=1)[:, None]
    i, j = np.nonzero(abs(u @ u.T) < 0.9)
    frames, seen = _frame(points[i], points[j]), {}
    for frame in frames:
        view = np.round(points @ frame.T, 6) + 0.0
        seen.setdefault(view[np.lexsort(view.T)].tobytes(), frame)
    return np.array(list(seen.values()))


def _frame(a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3 3"]:
    """Right-handed axes, the first along a, the second in the plane of a and b."""
    first = a / np.linalg.norm(a, axis=-1)[..., None]
    second = b - np.sum(b * first, -1)[..., None] * first
    second = second / np.linalg.norm(second, axis=-1)[..., None]
    return np.stack([first, second, np.cross(first, second)], -2)

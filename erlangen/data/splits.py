"""How to divide samples so that the test says what it should: each function returns {part: indices}, sorted.

    at_random(n, parts, key=)                 interpolation: the same distribution everywhere
    by_group(groups, parts, key=)             no group (molecule, trajectory, protein family) lies in two parts
    by_scaffold(smiles, parts, key=)          no ring system lies in two parts, frequent ones are in the first
    by_order(values, parts)                   ascending (number of atoms, temperature): the last part extrapolates
    by_time(times, parts, gap=, blocks=, key=)   contiguous blocks; samples near a foreign block are left out
    beyond(values, inside, parts, key=)       the interval `inside` is divided at random, "beyond" holds all else

`parts` maps names to fractions (0 to 1, in sum at most 1) or to counts, e.g. {"train": 0.8, "test": 0.2}. The same
arguments and key give the same indices. `erlangen.data.leakage` tells what two parts still share.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from jaxtyping import PRNGKeyArray

from ..contract import Samples
from ..core.errors import Invalid

Parts = Mapping[str, float]
Indices = dict[str, np.ndarray]


def _generator(key: int | PRNGKeyArray) -> np.random.Generator:
    """NumPy's generator from an integer or a JAX key."""
    if isinstance(key, int | np.integer):
        return np.random.default_rng(int(key))
    import jax

    typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.random.default_rng(np.asarray(jax.random.key_data(key) if typed else key).ravel().tolist())


def _counts(n: int, parts: Parts) -> dict[str, int]:
    """How many of n samples each part gets; the last part takes the rest where fractions sum to one."""
    values = list(parts.values())
    whole = all(isinstance(v, int | np.integer) for v in values)
    total = sum(values)
    if not parts or min(values) <= 0 or (total > n if whole else total > 1 + 1e-9):
        raise Invalid(
            must=f"parts are positive fractions of sum <= 1, or positive counts of sum <= {n}",
            came=str(dict(parts)),
            do='Write e.g. {"train": 0.8, "test": 0.2}.',
        )
    if whole:
        return {name: int(v) for name, v in parts.items()}
    ends = np.round(np.cumsum(values) * n).astype(int)
    counts = np.diff(ends, prepend=0)
    if np.any(counts == 0):
        raise Invalid(
            must="every part gets at least one sample", came=f"{dict(parts)} of {n}", do="Use more samples or counts."
        )
    return dict(zip(parts, counts.tolist()))


def _cut(order: np.ndarray, counts: Mapping[str, int]) -> Indices:
    pieces = np.split(order, np.cumsum(list(counts.values())))
    return {name: np.sort(piece) for name, piece in zip(counts, pieces)}


def at_random(n: int, parts: Parts, *, key: int | PRNGKeyArray) -> Indices:
    """Every sample is as likely in one part as in another."""
    return _cut(_generator(key).permutation(n), _counts(n, parts))


def _members(groups: Sequence[Hashable]) -> list[np.ndarray]:
    found: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(group, []).append(i)
    return [np.array(rows) for rows in found.values()]


def by_group(groups: Sequence[Hashable], parts: Parts, *, key: int | PRNGKeyArray) -> Indices:
    """Whole groups only, in random order, each to the part that still lacks the largest share of its samples."""
    members = _members(np.asarray(groups).tolist())
    shuffled = [members[i] for i in _generator(key).permutation(len(members))]
    return _deal(shuffled, _counts(len(groups), parts))


def _deal(groups: Sequence[np.ndarray], counts: Mapping[str, int]) -> Indices:
    if len(groups) < len(counts):
        raise Invalid(
            must="there are at least as many groups as parts",
            came=f"{len(groups)} groups for {len(counts)} parts",
            do="Use fewer parts or a finer grouping.",
        )
    taken: dict[str, list[np.ndarray]] = {name: [] for name in counts}
    held = dict.fromkeys(counts, 0)
    wanted, total = sum(counts.values()), 0
    for group in groups:
        if total >= wanted:
            break
        lacking = {name: 1 - held[name] / counts[name] for name in counts}
        empty = [name for name in counts if not taken[name]]
        last_chance = len(empty) and len(groups) - sum(map(len, taken.values())) <= len(empty)
        name = max(empty if last_chance else lacking, key=lambda part: lacking[part])
        taken[name].append(group)
        held[name] += len(group)
        total += len(group)
    return {name: np.sort(np.concatenate(rows)) if rows else np.zeros(0, int) for name, rows in taken.items()}


def scaffolds(smiles: Sequence[str]) -> list[str]:
    """The Bemis-Murcko scaffold (ring systems and their linkers) of each molecule; "" for all without a ring.

    Source: Bemis and Murcko, J. Med. Chem. 39, 2887 (1996), doi:10.1021/jm9602928.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    found = []
    with rdBase.BlockLogs():
        for i, text in enumerate(smiles):
            molecule = Chem.MolFromSmiles(text)
            if molecule is None:
                raise Invalid(must="every molecule is a valid SMILES", came=f"entry {i}: {text!r}", do="Correct it.")
            found.append(MurckoScaffold.MurckoScaffoldSmiles(mol=molecule))
    return found


def by_scaffold(smiles: Sequence[str], parts: Parts, *, key: int | PRNGKeyArray) -> Indices:
    """Whole scaffolds only: frequent ones fill the first part, rare ones (in random order where equal) the later ones.

    Pitfall: all molecules without a ring count as one scaffold, as is usual.
    """
    members = _members(scaffolds(smiles))
    shuffled = [members[i] for i in _generator(key).permutation(len(members))]
    counts = _counts(len(smiles), parts)
    taken: dict[str, list[np.ndarray]] = {name: [] for name in counts}
    for group in sorted(shuffled, key=len, reverse=True):
        room = (n for n in counts if sum(map(len, taken[n])) + len(group) <= counts[n])
        rest = max(counts, key=lambda n: counts[n] - sum(map(len, taken[n])))
        if (name := next(room, rest if abs(sum(counts.values()) - len(smiles)) == 0 else None)) is not None:
            taken[name].append(group)
    if not all(taken.values()):
        raise Invalid(
            must="every part gets a scaffold of its own",
            came=f"{len(members)} scaffolds for {dict(parts)}",
            do="Use larger fractions or more diverse molecules.",
        )
    return {name: np.sort(np.concatenate(rows)) for name, rows in taken.items()}


def by_order(values: Sequence[float] | np.ndarray, parts: Parts) -> Indices:
    """Ascending: the first part has the smallest values, the last the largest. Equal values stay in one part."""
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "biuf" or not np.all(np.isfinite(values)):
        raise Invalid(must="values to order by are finite numbers", came=str(values[:5]), do="Give one per sample.")
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    ends = np.cumsum(list(_counts(len(values), parts).values()))
    ends = [int(np.searchsorted(ranked, ranked[end - 1], side="right")) for end in ends]
    pieces = {name: np.sort(order[a:b]) for name, a, b in zip(parts, [0, *ends], ends)}
    empty = [name for name, rows in pieces.items() if not len(rows)]
    if empty:
        raise Invalid(
            must="every part has values of its own",
            came=f"{len(np.unique(values))} different values leave {empty} empty",
            do="Use fewer parts or other fractions.",
        )
    return pieces


def by_size(samples: Samples, parts: Parts) -> Indices:
    """Small systems first: by the number of atoms, or of grid points, electrons or sites."""
    first = ("positions", "values", "electrons", "spins")
    name = next(n for n in first if hasattr(samples.inputs[0], n))
    leaves = [getattr(x, name) for x in samples.inputs]
    if name == "positions":
        return by_order([int(np.sum(np.asarray(x.atomic_numbers) > 0)) for x in samples.inputs], parts)  # type: ignore[attr-defined]
    return by_order([np.size(next(iter(v.values())) if isinstance(v, Mapping) else v) for v in leaves], parts)


def by_time(
    times: Sequence[float] | np.ndarray,
    parts: Parts,
    *,
    gap: float,
    blocks: int | None = None,
    key: int | PRNGKeyArray = 0,
) -> Indices:
    """Contiguous blocks of time, so that neighbours on a trajectory do not lie in two parts.

    gap: samples closer than this (in the units of `times`) to a sample of another part are left out; a few correlation
    times is a good value. blocks None: one block per part in temporal order (the last part is the future); otherwise
    that many blocks of equal length, dealt to the parts at random.
    """
    times = np.asarray(times, float)
    order = np.argsort(times, kind="stable")
    counts = _counts(len(times), parts)
    if blocks is None:
        rows = _cut(np.arange(len(times)), counts)
    else:
        pieces = [piece for piece in np.array_split(np.arange(len(times)), blocks) if len(piece)]
        rows = _deal([pieces[i] for i in _generator(key).permutation(len(pieces))], counts)
    part = np.full(len(times), -1)
    for number, name in enumerate(rows):
        part[rows[name]] = number
    ordered = times[order]
    keep = part >= 0
    for number in range(len(rows)):
        others = ordered[(part >= 0) & (part != number)]
        mine = np.flatnonzero(part == number)
        at = np.searchsorted(others, ordered[mine])
        padded = np.concatenate([[-np.inf], others, [np.inf]])
        keep[mine] &= np.minimum(ordered[mine] - padded[at], padded[at + 1] - ordered[mine]) >= gap
    result = {name: np.sort(order[(part == number) & keep]) for number, name in enumerate(rows)}
    empty = [name for name, found in result.items() if not len(found)]
    if empty:
        raise Invalid(must="blocks are longer than the gap", came=f"gap {gap} empties {empty}", do="Use fewer blocks.")
    return result


def beyond(
    values: Sequence[float] | np.ndarray, inside: tuple[float, float], parts: Parts, *, key: int | PRNGKeyArray
) -> Indices:
    """Extrapolation along a parameter: samples with inside[0] <= value <= inside[1] are divided at random into `parts`,
    all others are the part "beyond"."""
    values = np.asarray(values, float)
    within = (values >= inside[0]) & (values <= inside[1])
    if not within.any() or within.all():
        raise Invalid(
            must="some values lie inside the interval and some beyond it",
            came=f"{within.sum()} of {len(values)} inside {inside}; values reach from {values.min()} to {values.max()}",
            do="Choose another interval.",
        )
    rows = np.flatnonzero(within)
    chosen = at_random(len(rows), parts, key=key)
    return {name: rows[index] for name, index in chosen.items()} | {"beyond": np.flatnonzero(~within)}


def values_of(samples: Samples, name: str) -> np.ndarray:
    """The value of a named parameter (viscosity, temperature, charge) of every sample, to order or to divide by."""
    try:
        return np.array([float(np.asarray(x[name])) for x in samples.inputs])
    except (AttributeError, TypeError, ValueError):
        x = samples.inputs[0]
        tables = [getattr(x, t) for t in ("labels", "parameters") if isinstance(getattr(x, t, None), dict)]
        known = sorted(n for table in tables for n in table)
        raise Invalid(
            must=f"every sample has one number {name!r}", came=f"parameters {known}", do="Name one of them."
        ) from None

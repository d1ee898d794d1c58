"""`erlangen phonons` and `erlangen elastic`: how a crystal vibrates and resists, from a law or a trained run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..data.drafts import check_free, whole
from .credentials import credentials, line
from .surfaces import one_structure, surface_of

TEMPERATURES = (0.0, 100.0, 200.0, 300.0, 500.0, 1000.0)


def phonons(args: Any) -> int:
    """Frequencies along the special points, density of states, heat capacity and free energy."""
    if min(args.mesh, args.points) < 1:
        raise Invalid(must="mesh and points are positive", came=f"{args.mesh}, {args.points}", do="Leave them out.")
    if args.plot:
        from .plots_solution import check_picture

        check_picture(Path(args.plot))
    surface, x = _ready(args, [args.plot])
    from ..assess.committee import of_members
    from ..physics import phonons as vibrations

    found = vibrations.Phonons.of(surface, x)
    way = vibrations.path(found.x, args.points)
    along = found.frequencies(way.q)
    q, weights = vibrations.mesh((args.mesh,) * 3, found.x)
    on_mesh = found.frequencies(q)
    heat = vibrations.thermal(on_mesh, weights, np.array(TEMPERATURES))
    behind = credentials(args.law, args.model)
    print("\n".join([line(behind), *_told(found, along, heat)]))
    others = of_members(surface, lambda one: vibrations.Phonons.of(one, x).frequencies(way.q))
    spread = np.std(others, axis=0, ddof=1) if others else None
    if spread is not None:
        print(f"frequencies of the {len(others)} members: apart by {spread.mean():.3f} THz, {spread.max():.3f} at most")
    if args.plot:
        from .plots_phonons import draw

        draw(Path(args.plot), way, along, on_mesh, weights, spread)
    if args.out:
        _write(Path(args.out), way, along, heat, spread, behind)
    _say_written(args.plot, args.out)
    return 0


def elastic(args: Any) -> int:
    """Elastic constants with relaxed atoms, moduli of a polycrystal, stability."""
    surface, x = _ready(args, [])
    from ..assess.committee import of_members
    from ..physics.elastic import elastic as constants_of

    found = constants_of(surface, x)
    others = [one.constants for one in of_members(surface, lambda one: constants_of(one, x))]
    rows, behind = [" ".join(f"{v:9.2f}" for v in row) for row in found.constants], credentials(args.law, args.model)
    print(line(behind))
    print("elastic constants, GPa, in the axes of the file (xx yy zz yz xz xy)", *rows, sep="\n  ")
    for name, (voigt, reuss, hill) in (("bulk", found.bulk), ("shear", found.shear)):
        print(f"{name} modulus  {hill:.2f} GPa  (Voigt {voigt:.2f}, Reuss {reuss:.2f})")
    if others:
        print(
            f"constants of the {len(others)} members: apart by {np.std(others, axis=0, ddof=1).max():.2f} GPa at most"
        )
    load = float(np.abs(found.stress).max())
    print(f"largest stress  {load:.3g} GPa" + ("" if load < 0.05 else ": under load; --relax cell first"))
    print("stable" if found.is_stable else "UNSTABLE: some strain lowers the energy")
    if args.out:
        values = {"constants": found.constants, "clamped": found.clamped, "stress": found.stress}
        with whole(Path(args.out)) as draft:
            draft.write_text(
                json.dumps({"unit": "GPa", **{k: v.tolist() for k, v in values.items()}, "potential": behind})
            )
        _say_written(args.out)
    return 0


def _ready(args: Any, others: list[str | None]) -> tuple[Any, Atoms]:
    """(the potential, the crystal, relaxed where asked); all that can fail early fails here."""
    for path in (Path(p) for p in (args.out, *others) if p):
        check_free(path, force=args.force)
    if args.out and Path(args.out).suffix not in (".json", ".csv"):
        raise Invalid(must="numbers go to a .json or .csv file", came=args.out, do="Name such a file.")
    x = one_structure(args.file, periodic=True)
    from ..study import environment

    environment.prepare(fields=False)
    surface = surface_of(args.law, args.model)
    if args.relax != "no":
        from ..physics.relaxation import relaxed

        x = relaxed(surface, x, cell=args.relax == "cell")
    return surface, x


def _told(found: Any, along: np.ndarray, heat: Any) -> list[str]:
    """The lines of the terminal."""
    from ..physics.phonons import FORCE

    n, lowest = len(found.masses), float(along.min())
    lines = [f"{n} atoms, {3 * n} modes, {round(lowest, 3) + 0.0:.3f} to {along.max():.3f} THz"]
    if found.force > FORCE:
        lines.append(f"the largest force is {found.force:.3g} eV/A: this is no minimum; --relax atoms, or --relax cell")
    if lowest < -0.05:
        lines.append(f"IMAGINARY modes down to {lowest:.3f} THz: the structure is unstable on this potential")
    defects = found.defects()
    lines.append(f"sum rule {defects['sum rule']:.1g}, Hermiticity {defects['hermiticity']:.1g}, relative")
    lines.append("     T, K   free energy, eV   entropy, meV/K   C_V, meV/K   (per cell)")
    rows = zip(heat.temperatures, heat.free_energy, heat.entropy, heat.heat_capacity, strict=True)
    lines += [f"{t:9.0f} {f:17.5f} {1e3 * s:16.4f} {1e3 * c:12.4f}" for t, f, s, c in rows]
    if heat.left_out > 0.01:
        lines.append(f"{heat.left_out:.1%} of the modes are imaginary or stand still, and have no share in these sums")
    return lines


def _write(
    path: Path, way: Any, along: np.ndarray, heat: Any, spread: np.ndarray | None, behind: dict[str, Any]
) -> None:
    with whole(path) as draft:
        if path.suffix == ".csv":
            with draft.open("w", newline="") as file:
                rows = csv.writer(file)
                modes = [f"nu_{i + 1}_THz" for i in range(along.shape[1])]
                rows.writerow(["distance_2pi_per_A", "q_1", "q_2", "q_3", *modes])
                rows.writerows(np.column_stack([way.distance, way.q, along]).tolist())
            return
        values = {"q": way.q, "distance": way.distance, "frequencies_THz": along, "temperatures_K": heat.temperatures}
        values |= {"free_energy_eV": heat.free_energy, "entropy_eV_per_K": heat.entropy}
        values |= {"heat_capacity_eV_per_K": heat.heat_capacity}
        values |= {} if spread is None else {"spread_THz": spread}
        labels = [[place, name] for place, name in way.labels]
        draft.write_text(
            json.dumps(
                {**{k: np.asarray(v).tolist() for k, v in values.items()}, "labels": labels, "potential": behind}
            )
        )


def _say_written(*paths: str | None) -> None:
    print("\n".join(f"  {path}" for path in paths if path))

"""`erlangen relax FILE`: every structure of a file at the nearest minimum of a law or a trained run."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..data.drafts import check_free, whole
from .cli_flags import convert
from .credentials import credentials, line
from .surfaces import structures, surface_of

AT_ONCE = 64  # structures


def relax(args: Any) -> int:
    """Relax, write, say how far each came."""
    source = Path(args.file.split(":")[0])
    out = Path(args.out) if args.out else source.with_name(f"{source.stem}.relaxed.extxyz")
    check_free(out, force=args.force)
    if not (args.fmax > 0 and args.steps >= 1):
        came, do = f"{args.fmax:g} eV/A, {args.steps} steps", "Good values: 0.01 eV/A, 1000 steps."
        raise Invalid(must="fmax and steps are positive", came=came, do=do)
    from ..assess.committee import spread_of_forces
    from ..data.readers import write_atoms
    from ..physics.relaxation import Relaxed
    from ..physics.relaxation import relax as relax_all
    from ..physics.units import GPA
    from ..study import environment
    from ..study.progress import ProgressLine

    environment.prepare(fields=False)
    surface = surface_of(args.law, args.model, args.precision)
    frames = structures(args.file, surface, convert(args.repeat, tuple[int, ...], "--repeat"))
    options: dict[str, Any] = {"cell": args.cell, "symmetry": args.symmetry, "tolerance": args.fmax}
    options |= {"most": args.steps, "method": args.method, "pressure": args.pressure * GPA}
    found: list[Relaxed] = []
    start = time.perf_counter()
    with ProgressLine(f"relax {source.name}", sys.stderr).during("relaxing") as tell:
        for first in range(0, len(frames), AT_ONCE):
            found += relax_all(surface, [f.atoms for f in frames[first : first + AT_ONCE]], **options)
            tell(len(found), len(frames))
    kept = [dataclasses.replace(f, atoms=r.atoms, labels=_labels(r), cell=None) for f, r in zip(frames, found)]
    unsure = [spread_of_forces(surface, r.atoms) for r in found]
    told = [{"is_relaxed": r.converged, "relaxation_steps": r.steps} for r in found]
    told = [said if s is None else {**said, "force_spread": float(s.max())} for said, s in zip(told, unsure)]
    with whole(out) as draft:
        write_atoms(draft, kept, told)
    print("\n".join([line(credentials(args.law, args.model)), *_told(found)]))
    if largest := [float(s.max()) for s in unsure if s is not None]:
        print(f"members of the ensemble disagree there by up to {max(largest):.3g} eV/A on the force of an atom")
    print(f"  {out}  in {time.perf_counter() - start:.1f} s")
    return 0


def _labels(found: Any) -> dict[str, Any]:
    labels = {"energy": found.energy, "forces": found.forces}
    return labels | ({"stress": found.stress} if np.all(found.atoms.pbc) else {})


def _told(found: list[Any]) -> list[str]:
    rest = [i for i, r in enumerate(found, 1) if not r.converged]
    lines = [
        f"  {i:4d}  {len(r.atoms.positions)} atoms  E {r.energy:.6f} eV  {r.steepest:.2g} eV/A after {r.steps} steps"
        for i, r in enumerate(found[:20], 1)
    ]
    said = f"{len(found) - len(rest)} of {len(found)} relaxed"
    return [
        said + (f"; not at rest: {', '.join(map(str, rest[:10]))} (more --steps, or --method fire)" if rest else ""),
        *lines,
    ]

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
from .cli_flags import Parser, convert
from .surfaces import add_surface, structures, surface_of

EPILOGUE = """
Structures of one file are relaxed side by side, in one program. What is written holds energy, forces and stress (of
periodic structures), and opens in ASE.

  erlangen relax argon.xyz --law lj
  erlangen relax crystal.cif --model runs/2026-01-31-1200-forces-mace-s0 --cell --symmetry --fmax 0.001
"""
AT_ONCE = 64  # structures


def relax(argv: list[str]) -> int:
    """Relax, write, say how far each came."""
    args = _parser().parse(argv)
    source = Path(args.file.split(":")[0])
    out = Path(args.out) if args.out else source.with_name(f"{source.stem}.relaxed.extxyz")
    check_free(out, force=args.force)
    if not (args.fmax > 0 and args.steps >= 1):
        came, do = f"{args.fmax:g} eV/A, {args.steps} steps", "Good values: 0.01 eV/A, 1000 steps."
        raise Invalid(must="fmax and steps are positive", came=came, do=do)
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
    with whole(out) as draft:
        write_atoms(draft, kept, [{"is_relaxed": r.converged, "relaxation_steps": r.steps} for r in found])
    print("\n".join(_told(found)))
    print(f"  {out}  in {time.perf_counter() - start:.1f} s")
    return 0


def _parser() -> Parser:
    parser = Parser(prog="erlangen relax", description=relax.__doc__, epilog=EPILOGUE)
    parser.add_argument("file", help="structures: .xyz, .cif, POSCAR, ...")
    add_surface(parser)
    parser.add_argument("--cell", action="store_true", help="lattice vectors too")
    parser.add_argument("--symmetry", action="store_true", help="keep the space group")
    parser.add_argument("--pressure", type=float, default=0.0, metavar="GPA", help="with --cell (default 0)")
    parser.add_argument(
        "--fmax", type=float, default=0.01, metavar="F", help="largest force left [eV/A] (default 0.01)"
    )
    parser.add_argument("--steps", type=int, default=1000, metavar="N", help="at most (default 1000)")
    parser.add_argument("--method", choices=("lbfgs", "fire"), default="lbfgs", help="default lbfgs")
    parser.add_argument("--repeat", default="1,1,1", metavar="A,B,C", help="supercell of the file's structures")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float64", help="of a run")
    parser.add_argument("--out", metavar="FILE", help="default: FILE.relaxed.extxyz")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    return parser


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

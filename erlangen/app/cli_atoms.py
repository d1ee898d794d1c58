"""`erlangen relax`, `md`, `phonons`, `elastic`: their options. What they do is imported when they are called."""

from __future__ import annotations

from .cli_flags import Parser

MD = """
The folder holds trajectory.extxyz (ASE reads energy, forces, stress and momenta), log.csv and summary.json. The same
command goes on where it was interrupted, to the same trajectory; with a longer --time it goes on from the end.

  erlangen md argon.xyz --law lj --repeat 5,5,5 --ensemble nvt --temperature 94.4 --time 20ps --dt 5fs
  erlangen md ethanol.xyz --model runs/2026-01-31-1200-forces-mace-s0 --temperature 500 --time 300ps --dt 0.5fs
"""
RELAX = """
Structures of one file are relaxed side by side, in one program. What is written holds energy, forces and stress (of
periodic structures), and opens in ASE.

  erlangen relax argon.xyz --law lj
  erlangen relax crystal.cif --model runs/2026-01-31-1200-forces-mace-s0 --cell --symmetry --fmax 0.001
"""
PHONONS = """
No supercell and no displacement: the gradient of the energy is linearised on the unit cell and evaluated on waves.
The structure should be a minimum of the same potential: --relax first, or the largest force is said.

  erlangen phonons silicon.cif --law stillinger-weber --relax cell --plot si.png
  erlangen phonons crystal.vasp --model runs/2026-01-31-1200-forces-mace-s0 --mesh 16 --out phonons.json
"""
ENSEMBLES = ("nve", "nvt", "npt")


def relax(argv: list[str]) -> int:
    """Relax, write, say how far each came."""
    args = _relax_parser().parse(argv)
    from .cli_relax import relax as run

    return run(args)


def md(argv: list[str]) -> int:
    """Simulate, write every block, say whether the result can be believed."""
    args = _md_parser().parse(argv)
    from .cli_md import simulate

    return simulate(args)


def phonons(argv: list[str]) -> int:
    """Frequencies along the special points, density of states, heat capacity and free energy."""
    parser = Parser(prog="erlangen phonons", description=phonons.__doc__, epilog=PHONONS)
    _common(parser)
    parser.add_argument("--mesh", type=int, default=12, metavar="N", help="N x N x N wave vectors in sums (default 12)")
    parser.add_argument("--points", type=int, default=160, metavar="N", help="wave vectors on the path (default 160)")
    parser.add_argument("--plot", metavar="FILE", help="dispersion and density of states (.png, .svg, .pdf)")
    args = parser.parse(argv)
    from .cli_phonons import phonons as run

    return run(args)


def elastic(argv: list[str]) -> int:
    """Elastic constants with relaxed atoms, moduli of a polycrystal, stability."""
    parser = Parser(prog="erlangen elastic", description=elastic.__doc__)
    _common(parser)
    args = parser.parse(argv)
    from .cli_phonons import elastic as run

    return run(args)


def _relax_parser() -> Parser:
    parser = Parser(prog="erlangen relax", description=relax.__doc__, epilog=RELAX)
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


def _md_parser() -> Parser:
    parser = Parser(prog="erlangen md", description=md.__doc__, epilog=MD)
    parser.add_argument("file", help="a structure: .xyz, .cif, POSCAR, ... (the last frame)")
    add_surface(parser)
    parser.add_argument("--ensemble", choices=ENSEMBLES, default="nvt", help="default nvt")
    parser.add_argument("--temperature", type=float, metavar="K", help="of the bath and of the first velocities")
    parser.add_argument("--pressure", type=float, default=0.0, metavar="GPA", help="of npt (default 0)")
    parser.add_argument("--time", required=True, metavar="T", help="how long: 500fs, 10ps, 1ns")
    parser.add_argument("--dt", default="1fs", metavar="T", help="time step (default 1fs)")
    parser.add_argument("--every", type=int, default=10, metavar="N", help="steps between frames (default 10)")
    parser.add_argument("--thermostat", choices=("csvr", "langevin"), default="csvr", help="default csvr")
    parser.add_argument("--relaxation", default="100fs", metavar="T", help="of the temperature (default 100fs)")
    parser.add_argument("--cell", choices=("volume", "lengths", "shape"), default="volume", help="what npt changes")
    parser.add_argument("--barostat", default="1ps", metavar="T", help="relaxation of the pressure (default 1ps)")
    parser.add_argument("--compressibility", type=float, default=0.1, metavar="1/GPA", help="guess (default 0.1)")
    parser.add_argument("--replicas", type=int, default=1, metavar="N", help="side by side (default 1)")
    parser.add_argument("--repeat", default="1,1,1", metavar="A,B,C", help="supercell of the file's structure")
    parser.add_argument("--seed", type=int, default=0, help="of velocities and noise (default 0)")
    parser.add_argument("--precision", choices=("float32", "float64"), default="float32", help="of a run")
    parser.add_argument("--alarm", type=float, metavar="EV/A", help="disagreement of an ensemble about a force: told")
    parser.add_argument("--alarm-stops", action="store_true", help="end with the block in which it is exceeded")
    parser.add_argument("--out", metavar="DIR", help="default: NAME-md")
    parser.add_argument("--force", action="store_true", help="replace a simulation that is there")
    return parser


def add_surface(parser: Parser) -> None:
    """The flags --law and --model."""
    parser.add_argument("--law", metavar="NAME", help="a law in closed form: emt, stillinger-weber, eam, lj, ...")
    parser.add_argument(
        "--model", metavar="RUN", help="the folder of a run that answers energies, or universal weights (.nqx)"
    )


def _common(parser: Parser) -> None:
    parser.add_argument("file", help="a crystal: .cif, POSCAR, .xyz with a cell")
    add_surface(parser)
    parser.add_argument("--relax", choices=("no", "atoms", "cell"), default="no", help="first, on the same potential")
    parser.add_argument("--out", metavar="FILE", help="the numbers: .json, or .csv for phonons")
    parser.add_argument("--force", action="store_true", help="replace files that are there")

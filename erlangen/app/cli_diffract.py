"""`erlangen diffract`: a crystal to its powder pattern, or a measured pattern to the crystals of a library in it.

erlangen diffract crystal.cif --wavelength CuKa --plot pattern.png
erlangen diffract pattern.xy --library FOLDER
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import Invalid, unknown
from ..data.drafts import check_free, whole
from .cli_flags import Parser

if TYPE_CHECKING:
    import numpy as np

    from ..physics.diffraction import Lines, Scatterers
    from ..physics.search_match import Candidate

CRYSTALS = (".cif", ".vasp", ".poscar", ".contcar", ".extxyz", ".xyz")
STEP = 0.02  # degrees, of patterns that are written
LARGEST = 5000  # crystals of a library


def diffract(argv: list[str]) -> int:
    """erlangen diffract FILE [--wavelength CuKa] [--library FOLDER] [--plot FILE] [--out FILE]"""
    args = _parser().parse(argv)
    path, plot, out = Path(args.file), _file(args.plot), _file(args.out)
    if plot is not None:
        from .plots_solution import check_picture

        check_picture(plot)
    for one in (plot, out):
        if one is not None:
            check_free(one, force=args.force)
    low, high = _range(args.range)
    if _is_crystal(path):
        return _crystal(path, args.wavelength, (low, high), args.top, plot, out)
    return _pattern(path, args, (low, high), plot)


def _parser() -> Parser:
    parser = Parser(prog="erlangen diffract", description=__doc__)
    parser.add_argument("file", help="a crystal (CIF, POSCAR, extxyz), or a pattern in columns (.xy, .xye, .csv)")
    parser.add_argument("--wavelength", default="CuKa", metavar="NAME", help="CuKa, CuKa1, MoKa, ... or Angstrom")
    parser.add_argument("--range", default="10:90", metavar="LOW:HIGH", help="2 theta in degrees")
    parser.add_argument("--library", metavar="FOLDER", help="a folder of crystals: which of them are in the pattern")
    parser.add_argument("--axis", default="2theta", metavar="2theta | q | d", help="what the first column is")
    parser.add_argument("--top", type=int, default=25, metavar="N", help="rows that are printed")
    parser.add_argument("--plot", metavar="FILE", help="a picture (.png, .svg, .pdf)")
    parser.add_argument("--out", metavar="FILE", help="of a crystal: its pattern in two columns (.xy)")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    return parser


def _file(text: str | None) -> Path | None:
    return Path(text) if text else None


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(word) for word in text.split(":"))
    except ValueError:
        raise Invalid(must="a range is two angles", came=repr(text), do="For instance --range 10:90.") from None
    if not 0 < low < high <= 180:
        raise Invalid(must="0 < 2 theta <= 180, rising", came=text, do="For instance --range 10:90.")
    return low, high


def _is_crystal(path: Path) -> bool:
    from ..data.pattern_files import SUFFIXES
    from ..data.text_files import plain_suffix

    suffix = plain_suffix(path)
    if suffix in CRYSTALS or path.name.lower().startswith(("poscar", "contcar")):
        return True
    if suffix not in SUFFIXES:
        raise unknown("the ending of a crystal or a pattern", suffix or path.name, (*CRYSTALS, *SUFFIXES))
    return False


def _crystal(
    path: Path, radiation: str, span: tuple[float, float], top: int, plot: Path | None, out: Path | None
) -> int:
    """Lines of every crystal of the file; pattern and picture of the first."""
    import numpy as np

    from ..data.scatterer_files import read_scatterers
    from ..physics.diffraction import lines, wavelengths
    from ..physics.powder import pattern

    waves = wavelengths(radiation)
    crystals = read_scatterers(path)
    for name, crystal in crystals:
        found = lines(crystal, waves[0][0], span)
        print(_table(name, crystal, found, waves[0][0], top))
    grid = np.arange(span[0], span[1] + STEP / 2, STEP)
    crystal = crystals[0][1]
    y = 100 * pattern(crystal, grid, radiation) if plot or out else grid
    if out:
        with whole(out) as draft:
            head = f"2theta [degree]  intensity [highest: 100]   {crystals[0][0]}, {radiation}"
            np.savetxt(draft, np.stack([grid, y], 1), fmt="%.4f", header=head)
        print(f"  {out}")
    if plot:
        _draw(plot, grid, y, [(crystals[0][0], lines(crystal, waves[0][0], span))], radiation)
    return 0


def _table(name: str, crystal: Scatterers, found: Lines, wavelength: float, top: int) -> str:
    import numpy as np

    partial = int(np.sum(crystal.occupancies < 0.999))
    about = f"{len(crystal.places)} sites in {crystal.volume:.2f} A^3" + (
        f", {partial} of them in part" if partial else ""
    )
    rows = [
        f"{name}: {about}; {len(found.d)} lines at {wavelength:g} A",
        "  2theta      d [A]    I/I_max    h  k  l    m",
    ]
    strongest = max(float(found.intensity.max(initial=0.0)), 1e-300)
    shown = np.sort(np.argsort(-found.intensity)[:top])
    for i in shown:
        (h, k, l), m = found.hkl[i], found.multiplicity[i]
        share = 100 * found.intensity[i] / strongest
        rows.append(f"  {found.two_theta[i]:7.3f}  {found.d[i]:8.4f}  {share:8.2f}   {h:3d}{k:3d}{l:3d}  {m:3d}")
    if len(shown) < len(found.d):
        rows.append(f"  the {len(shown)} strongest; --top {len(found.d)} prints all")
    return "\n".join(rows)


def _pattern(path: Path, args: Any, span: tuple[float, float], plot: Path | None) -> int:
    """Peaks, a cell that explains them and, with a library, which of its crystals are there."""
    from ..data.pattern_files import read_pattern
    from ..physics.diffraction import wavelengths
    from ..physics.peak_search import find_peaks

    mean = sum(wavelength * weight for wavelength, weight in wavelengths(args.wavelength))
    x, y = read_pattern(path, args.axis, mean)
    inside = (x >= span[0]) & (x <= span[1])
    if inside.sum() < 50:
        came = f"{x[0]:g} to {x[-1]:g} of {path}"
        raise Invalid(must="the pattern reaches into the range", came=came, do="Give another --range.")
    x, y = x[inside], y[inside]
    found = find_peaks(x, y)
    print(f"{path.name}: {len(x)} points from {x[0]:g} to {x[-1]:g} degrees, {len(found.two_theta)} peaks")
    if args.library is None:
        print(_cells(x, y, args.wavelength))
        print("  --library FOLDER names the crystals that may be in it")
        return 0
    return _search(x, y, found, args, plot)


def _cells(x: np.ndarray, y: np.ndarray, radiation: str) -> str:
    """The best cell of every lattice, were it one phase, by how well it predicts the lines."""
    import numpy as np

    from ..physics.cell_features import PRICE, UNKNOWNS, conventional, lines_of
    from ..physics.cell_search import search

    lines, wavelength = lines_of(x, y, radiation)
    found = sorted(search(lines, wavelength).values(), key=lambda m: PRICE * UNKNOWNS[m.lattice] - m.evidence)
    if not found:
        return f"  {len(lines)} lines are too few for a cell"
    rows = [f"  as one phase, by {len(lines)} lines:   a b c [A]      alpha beta gamma      lines met  evidence"]
    for one in found:
        cell = conventional(one)
        lengths = np.linalg.norm(cell, axis=1)
        unit = cell / lengths[:, None]
        angles = np.rad2deg(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]))
        shown = " ".join(f"{v:8.4f}" for v in lengths) + "  " + " ".join(f"{v:6.2f}" for v in angles)
        worth = one.evidence - PRICE * UNKNOWNS[one.lattice]
        rows.append(f"  {one.lattice:13s} {shown}  {100 * one.met:7.0f} %  {worth:8.1f}")
    if found[0].met < 0.9:
        rows.append("  none explains them: several phases, or a cell that was not found")
    return "\n".join(rows)


def _search(x: np.ndarray, y: np.ndarray, found: Any, args: Any, plot: Path | None) -> int:
    from ..physics.diffraction import lines
    from ..physics.search_match import by_patterns, by_peaks, library

    crystals = _library(Path(args.library))
    known = library(crystals, args.wavelength, (max(float(x[0]), 5.0), float(x[-1])))
    whole_pattern, peaks = by_patterns(x, y, known), {c.name: c for c in by_peaks(found, known)}
    print("  candidate                        cosine  share  peaks  strain")
    for one in whole_pattern[: args.top]:
        print(_row(one, peaks[one.name]))
    print("  share: of the fitted intensity (not of the mass); peaks: figure of merit of peak matching alone")
    if plot:
        by_name = dict(zip(known.names, known.crystals))
        fitted = [c for c in whole_pattern if c.share > 0][:4]
        shown = [(c.name, lines(by_name[c.name], known.wavelength, (x[0], x[-1]))) for c in fitted]
        _draw(plot, x, y, shown, args.wavelength)
    return 0


def _row(one: Candidate, peaks: Candidate) -> str:
    share = f"{100 * one.share:4.0f} %" if one.share else "     -"
    return f"  {one.name[:32]:<32} {one.score:6.3f} {share}  {peaks.score:5.3f}  {100 * one.strain:+5.2f} %"


def _library(folder: Path) -> list[tuple[str, Scatterers]]:
    """All crystals of a folder; files that cannot be read are named and left out."""
    import sys

    from ..data.scatterer_files import read_scatterers

    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in CRYSTALS) if folder.is_dir() else []
    if not files:
        do = f"Name a folder with {', '.join(CRYSTALS[:3])} files."
        raise Invalid(must="a library is a folder of crystals", came=f"none in {folder}", do=do)
    if len(files) > LARGEST:
        raise Invalid(must=f"a library has at most {LARGEST} files", came=str(len(files)), do="Choose a folder of it.")
    crystals = []
    for file in files:
        try:
            crystals += read_scatterers(file)
        except Invalid as error:
            print(f"  left out: {error}", file=sys.stderr)
    return crystals


def _draw(path: Path, x: np.ndarray, y: np.ndarray, shown: list[tuple[str, Lines]], radiation: str) -> None:
    """The pattern, and below it the lines of crystals, their length by intensity."""
    import matplotlib as mpl

    from .plots import STYLE, figure_of

    style: Any = {k: v for k, v in STYLE.items() if k != "axes.prop_cycle"}
    with mpl.rc_context(style):
        figure = figure_of(8.0, 4.2)
        axes = figure.subplots()
        top = float(y.max())
        axes.plot(x, y, lw=0.7, color="black")
        for i, (name, found) in enumerate(shown):
            base = -0.06 * top * (i + 1)
            height = 0.05 * top * (found.intensity / max(float(found.intensity.max(initial=0.0)), 1e-300)) ** 0.5
            axes.vlines(found.two_theta, base, base + height, lw=1.0, color=f"C{i}", label=name)
        axes.set_xlabel(f"2θ [°], {radiation}")
        axes.set_ylabel("intensity")
        if shown:
            axes.legend(frameon=False, fontsize=8)
        with whole(path) as draft:
            figure.savefig(draft, dpi=150)
    print(f"  {path}")

"""Which plots a report shows of a run: its panels, each by the drawer of its kind, then what its rows say."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping
from typing import Any

from ..study.panels import Panel, holds_numbers
from ..study.record import Record
from ..study.table import headline_coverage
from . import plots, plots_pictures, plots_rows
from .plots import Arrays

DRAWERS: Mapping[str, Callable[[Panel, Arrays], Any]] = {
    "parity": plots.parity,
    "curve": plots.curve,
    "histogram": plots.histogram,
    "spectrum": plots.spectrum,
    "field": plots_pictures.field,
    "image": plots_pictures.image,
    "structure": plots_pictures.structure,
}
WIDE = ("field", "image", "structure")


def figures(record: Record, arrays: Arrays) -> list[str]:
    """The plots of a run as HTML figures with captions; those whose arrays are missing are left out."""
    found = [one for panel in record.panels if (one := _of_panel(panel, arrays))]
    covered = headline_coverage(record)
    if covered is not None and "coverage" not in {panel.name for panel in record.panels}:
        drawn = plots.svg(plots_rows.coverage, record.coverage, covered.level)
        caption = "How often the intervals hold the truth that they were not calibrated on."
        found.append(_figure(drawn, "coverage of the intervals", caption))
    if record.symmetry:
        drawn = plots.svg(plots_rows.certificate, record.symmetry)
        caption = "Largest |f(g x) − g f(x)| over random group elements g, in units of the spread of the labels."
        found.append(_figure(drawn, "defect of every audited symmetry", caption, "wide"))
    return found


def _of_panel(panel: Panel, arrays: Arrays) -> str:
    names = [name for one in panel.series for name in one.arrays.values()]
    if not all(name in arrays and holds_numbers(arrays[name]) for name in names):
        return ""
    drawn = plots.svg(DRAWERS[panel.kind], panel, arrays)
    return _figure(drawn, panel.name, panel.caption, "wide" if panel.kind in WIDE else "")


def _figure(svg: str, alt: str, caption: str, kind: str = "") -> str:
    data = base64.b64encode(svg.encode()).decode()
    image = f"<img alt='{html.escape(alt, quote=True)}' src='data:image/svg+xml;base64,{data}'>"
    return f"<figure class='{kind}'>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"

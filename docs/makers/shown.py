"""Records that pages show: those of the board, so that what is shown is what ships."""

from __future__ import annotations

from erlangen.leaves import BOARD
from erlangen.study.record import Record
from erlangen.study.table import table


def burgers() -> str:
    """The table of the record behind the bar of `continuum/burgers`."""
    return table(Record.read(BOARD / "continuum" / "burgers" / "fno-conformal-s0.json")) + "\n"

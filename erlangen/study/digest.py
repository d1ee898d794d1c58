"""A record in a few lines: what was asked of it first, what it answered, and one line each on what the figure means."""

from __future__ import annotations

import textwrap

from .record import Record
from .table import aligned, answers

MEANING = {
    "score": "error on data that the fit never saw",
    "time per query": "one answer, compilation aside",
    "solver, as accurate": "cheapest classical setting with at most this error",
    "pays after (N*)": "answers until labels and fit are paid back",
    "symmetry, method": "largest break of a symmetry that it claims",
    "intervals": "how many of the promised intervals hold the truth",
    "error bars": "how many error bars of fresh samples hold the exact figure",
    "worst shift": "error on unlike data over error on like data",
    "labels + fit": "spent once",
}


def digest(record: Record, width: int = 120) -> str:
    """The measures of one run, each with its meaning; what was not measured is left out."""
    found = answers(record)
    rows = [(name, " ".join(found[name].split()), meaning) for name, meaning in MEANING.items() if found[name] != "-"]
    return textwrap.indent(aligned(rows, width=width - 2), "  ")

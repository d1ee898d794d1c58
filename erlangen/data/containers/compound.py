"""`Compound` in files: tables with a column of SMILES, row by row (`data.compound_files`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.systems import Compound, System
from ..compound_files import read_queries, write_rows
from ..fingerprints import fingerprints
from ..sources import Source
from . import Contents, Scope, check_unused


def read(source: Source, scope: Scope) -> Contents:
    """The molecules that can be read; a warning names the lines of the others."""
    table, smiles = read_queries(source)
    check_unused(source.path, table.header, scope)
    return Contents(fingerprints(list(smiles.values())), source=(table, list(smiles)))


def write(path: Path, contents: Contents, values: Sequence[Mapping[str, Any]], scope: Scope) -> None:
    """All rows as they were; where a molecule could not be read the new columns stay empty."""
    table, places = contents.source
    write_rows(path, table, dict(zip(places, values)))


def describe(inputs: Sequence[Compound]) -> dict[str, Any]:
    """The kinds of fingerprint, and how long each is."""
    first = inputs[0].values if len(inputs) else {}
    return {"fingerprints": {name: len(counts) for name, counts in first.items()}}


def accepts(inputs: Sequence[Compound], scope: Scope, where: str) -> Sequence[System]:
    """Any molecule has a fingerprint."""
    return inputs

"""Tables as text: CSV, TSV and what spreadsheets make of them, with the line on which every row begins.

    read_table(text, path) -> TextTable;  table_text(table) -> str

The separator is a comma, semicolon, tab or bar, whichever cuts the header and the rows below it alike; lines with # in
front of the header and blank lines are passed over. With semicolons a number may have a decimal comma.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.errors import Invalid, unknown
from . import limits

SEPARATORS = (",", ";", "\t", "|")
LONGEST = 1 << 30  # characters in one field
LOOKED_AT = 20  # rows that a separator is tried on
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")


@dataclasses.dataclass(frozen=True)
class TextTable:
    """header: names of the columns, in order. rows[i][k]: field of column k. lines[i]: where row i begins, from 1.

    odd: lines of rows with more fields than the header has names, which are not among the rows.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    separator: str = ","
    odd: tuple[int, ...] = ()

    def column(self, name: str) -> list[str]:
        """The fields of one column."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Names of columns in lower case -> as they stand; the first of equal ones."""
        return {name.strip().lower(): name for name in reversed(self.header) if name.strip()}

    def pick(self, asked: str, path: Path, what: str) -> str:
        """The column of that name, whatever its case; refused where there is none, or where two have it."""
        if asked.strip().lower() not in self.names:
            raise unknown(f"the column of {what} in {path.name}", asked, self.names.values())
        if sum(name.strip().lower() == asked.strip().lower() for name in self.header) > 1:
            raise Invalid(
                must="a column that is read has a name of its own",
                came=f"several columns {asked!r} in {path.name}",
                do="Rename the others.",
            )
        return self.names[asked.strip().lower()]

    def number(self, text: str) -> str:
        """The text of a number with a decimal point."""
        text = text.strip()
        return text.replace(",", ".") if self.separator == ";" and DECIMAL_COMMA.fullmatch(text) else text


def read_table(text: str, path: Path) -> TextTable:
    """The rows of a text with line ends \\n. Raises `Invalid` where nothing stands below a header."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    told = re.fullmatch('"?sep=(.)"?', lines[start].strip(), re.IGNORECASE) if start < len(lines) else None
    start += told is not None  # Excel's own first line
    body = lines[start:]
    limits.at_most(path, len(body), limits.ROWS, "rows", do="Cut it into parts.")
    separator = told[1] if told else _separator(body)
    limits.at_most(path, text.count(separator) + len(body), limits.FIELDS, "fields", do="Leave out columns.")
    try:
        found = list(_rows(body, separator, start))
    except csv.Error as error:
        raise _unreadable(path, str(error)) from None
    if len(found) < 2:
        raise _unreadable(path, "a header only" if found else "comments only")
    header, rows = found[0][1], found[1:]
    if all(len(row) == len(header) + 1 and row[-1] for _, row in rows):
        header = ["", *header]  # written with an index that has no name
    rows = [(line, _cut(row, len(header))) for line, row in rows]
    whole = [(line, row + [""] * (len(header) - len(row))) for line, row in rows if len(row) <= len(header)]
    odd = tuple(line for line, row in rows if len(row) > len(header))
    return TextTable(header, [row for _, row in whole], [line for line, _ in whole], separator, odd)


def table_text(table: TextTable) -> str:
    """The table with its own separator."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=table.separator, lineterminator="\n")
    writer.writerows([table.header, *table.rows])
    return text.getvalue()


def _rows(lines: Sequence[str], separator: str, start: int) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LONGEST)
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator)
    begin = 1
    for row in reader:
        if any(field.strip() for field in row):
            yield start + begin, row
        begin = reader.line_num + 1


def _separator(lines: Sequence[str]) -> str:
    """The one that cuts the most of the first rows into as many fields as the header, at least two; else a comma."""

    def agreement(separator: str) -> tuple[int, int]:
        try:
            rows = [row for (_, row), _ in zip(_rows(lines, separator, 0), range(LOOKED_AT))]
        except csv.Error:
            return 0, 0
        width = len(rows[0]) if rows else 0
        return (sum(len(row) == width for row in rows), width) if width > 1 else (0, 0)

    return max(SEPARATORS, key=agreement)


def _cut(row: list[str], width: int) -> list[str]:
    """Without empty fields behind the last column, which a separator at the end of a line makes."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return row


def _unreadable(path: Path, why: str) -> Invalid:
    return Invalid(
        must="a table has a header and rows below it, fields parted by a comma, semicolon, tab or bar",
        came=f"{path}: {why}",
        do="Check how it was written.",
    )

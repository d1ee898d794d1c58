"""What a file calls its labels and in which units they are, written behind its name.

    frames.xyz:energy=REF_energy:forces=REF_forces:units=hartree+hartree/bohr:pbc=no

so that wherever a file can be named (--data, --test, --judged-on, predict), its peculiarities can be, too. `units` and
`pbc` (yes or no) are as in `readers.read_atoms`; every other word is a label and its key in the file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ..core.errors import Invalid

ARGUMENT = re.compile(r":(\w+)=([^:]*)")
SAID = {"yes": True, "true": True, "no": False, "false": False}


def split_arguments(text: str | os.PathLike[str]) -> tuple[Path, dict[str, Any]]:
    """The path, and what is said behind it as arguments of `read_atoms`: units, pbc, keys. An existing path is one."""
    name = os.fspath(text)
    match = ARGUMENT.search(name)
    if match is None or os.path.exists(name):
        return Path(name), {}
    path, rest = Path(name[: match.start()]), name[match.start() :]
    found = dict(ARGUMENT.findall(rest))
    if ARGUMENT.sub("", rest) or not all(found.values()):
        raise Invalid(
            must="arguments behind a file are :name=value, one after the other",
            came=repr(name),
            do="For instance: frames.xyz:energy=REF_energy:units=kcal/mol:pbc=no",
        )
    given: dict[str, Any] = {}
    if "units" in found:
        given["units"] = found.pop("units").replace("+", ",")
    if "pbc" in found:
        said = found.pop("pbc").lower()
        if said not in SAID:
            raise Invalid(must="pbc is yes or no", came=f"pbc={said} in {name!r}", do="Write :pbc=no behind the file.")
        given["pbc"] = SAID[said]
    return path, given | ({"keys": found} if found else {})


def file_of(text: str | os.PathLike[str]) -> Path:
    """The path alone."""
    return split_arguments(text)[0]

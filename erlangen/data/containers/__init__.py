"""Containers and files, one adapter for each container: ``containers/<container>.py``, named like its class.

    read(source, scope) -> Contents               the samples of a file (arguments may stand behind its name)
    write(path, contents, values, scope)          the same format back, with further values by name for each sample
    describe(inputs) -> {...}                     what the record keeps of the training data: elements, grid, ...
    accepts(inputs, scope, where) -> inputs       refused where the answer was not made for them, else completed

A container from elsewhere brings its own: ``containers/<name>.py`` in a folder of ERLANGEN_PATH, beside ``tasks`` and
``methods``.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...core.errors import Invalid
from ...core.quantity import Quantity
from ...core.systems import System


@dataclasses.dataclass(frozen=True)
class Scope:
    """What an answer was made for, as its record says: nothing else is asked, neither the task nor its data.

    settings: of the task. data: what `describe` said of the training data, and what else the record holds on them.
    """

    run: str
    task: str
    settings: Mapping[str, Any]
    inputs: Sequence[Quantity]
    outputs: Sequence[Quantity]
    data: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a file holds. labels[i]: true outputs of sample i by name, where there are some. source: whatever writing
    it back needs. ending: of the file that predictions go into, where its own format has no room for them.
    """

    systems: Sequence[System]
    labels: Sequence[Mapping[str, Any]] = ()
    source: Any = None
    ending: str = ""


def check_unused(path: str | os.PathLike[str], names: Iterable[str], scope: Scope) -> None:
    """Raise `Invalid` where a file already holds what predictions would be called: its own values would be lost.

    names: of the values in the file.
    """
    wanted = {f"predicted_{q.name}{end}".lower() for q in scope.outputs for end in ("", "_lower", "_upper")}
    held = sorted({name for name in names if name.strip().lower() in wanted})
    if held:
        raise Invalid(
            must="the names of the predictions are free in the file",
            came=f"{', '.join(held)} in {path}",
            do="Take the file without predictions, or rename these values.",
        )

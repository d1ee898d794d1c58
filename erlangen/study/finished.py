"""What a measuring file is given: a fit that has ended, and where its rows go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import PRNGKeyArray

from ..contract import Method
from .panels import Sheet
from .record import Record

if TYPE_CHECKING:
    from .judging import Judging

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Finished:
    """task: the question, of the kind that the measuring file is for. answer: what `method` gave after `seconds`.

    record: the rows are written into it. key: for whatever is drawn. say: one line for the user and the record.
    history: figures of the fit, step by step. sheet: where panels go. judging: runs the parts of a measurement.
    """

    task: Any
    method: Method
    answer: Any
    record: Record
    seconds: float
    key: PRNGKeyArray
    say: Say
    history: Sequence[Mapping[str, float]]
    sheet: Sheet
    judging: Judging

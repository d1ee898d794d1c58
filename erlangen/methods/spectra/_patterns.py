"""What methods on powder patterns share."""

from __future__ import annotations

from ...contract import Method, Task
from ...core.errors import Invalid


def check_one_pattern(method: Method, task: Task) -> None:
    """Raise `Invalid` where there is not just one input on a grid."""
    grids = [q.name for q in task.inputs if q.axes == "grid"]
    if len(grids) != 1:
        raise Invalid(
            must=f"{method.name()} reads one pattern",
            came=f"{len(grids)}: {grids}",
            do=f"See which methods fit: erlangen show {task.name()}",
        )

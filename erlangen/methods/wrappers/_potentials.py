"""What wrappers of potentials share."""

from __future__ import annotations

from erlangen.contract import Task, Wrapper
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms


def check_potential(wrapper: Wrapper, task: Task) -> None:
    """Raise `Invalid` where the task does not ask for energies and forces of atoms."""
    names = {q.name for q in task.outputs}
    if task.container is not Atoms or not {"energy", "forces"} <= names:
        raise Invalid(
            must=f"{wrapper.name()} is for potentials: energies and forces of atoms",
            came=f"{task.name()}, which asks for {', '.join(sorted(names))}",
            do=f"Run {task.name()} without --wrap {wrapper.name()}.",
        )

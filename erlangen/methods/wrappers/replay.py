"""Replay: frames of an earlier question among those of the new one, so that a fit that goes on does not forget.

    L = (1 - share) <loss>_new + share <loss>_old           by how often each frame is drawn

For fine-tuning, `--from RUN`: a potential that is fitted to new frames alone loses what it knew of old ones (McCloskey
and Cohen 1989, doi:10.1016/S0079-7421(08)60536-8; replay: Robins 1995, doi:10.1080/09540099550039318). `data` holds
frames of the old question, all or some. Both have to be of one level of theory: two zeros of energy for one composition
cannot be learned by one function. Validation is mixed in the same proportion.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Samples, Session, Split, Supervised, Task, Wrapper
from erlangen.core.errors import Invalid
from erlangen.core.groups import Group
from erlangen.core.systems import Atoms
from erlangen.data.frame_sets import FrameSet


class Mixed(Supervised):
    """A task whose training and validation samples are joined by old ones."""

    def __init__(self, task: Supervised, old: FrameSet, share: float):
        self.task, self.old, self.share = task, old, share
        self.container, self.inputs, self.outputs = task.container, task.inputs, task.outputs  # type: ignore[misc]

    @property
    def sources(self) -> tuple[Any, ...]:
        return (*self.task.sources, *self.old.sources)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return self.task.symmetry

    def truth(self, split: Split) -> Samples:
        """Whole rounds of both, so many that old samples are `share` of all, or nearly."""
        new = self.task.truth(split)
        if split not in ("train", "validation"):
            return new
        old = self.old.part(split)
        wanted = self.share / (1 - self.share) * len(new) / len(old)  # rounds of the old ones for one of the new
        rounds = (max(math.ceil(1 / wanted), 1), 1) if wanted < 1 else (1, max(round(wanted), 1))
        rows = [np.tile(np.arange(len(part)), count) for part, count in zip((new, old), rounds)]
        parts = [part.take(r) for part, r in zip((new, old), rows)]
        names = [q.name for q in self.outputs]
        return Samples(
            [x for part in parts for x in part.inputs],
            {name: [y for part in parts for y in part.outputs[name]] for name in names},
        )


@dataclasses.dataclass(frozen=True)
class Replay(Wrapper):
    """Old frames mixed into the training of a potential."""

    data: str = ""  # file with labelled frames of the earlier question
    share: float = 0.5  # of old frames among those that are seen

    def check(self, task: Task) -> None:
        """Accept energies and forces, with a file of old frames that has all that is asked for."""
        super().check(task)
        names = {q.name for q in task.outputs}
        if task.container is not Atoms or not {"energy", "forces"} <= names:
            raise Invalid(
                must="replay is for energies and forces of atoms",
                came=f"{task.name()}, which asks for {', '.join(sorted(names))}",
                do=f"Run {task.name()} without --wrap {self.name()}.",
            )
        if not 0 < self.share < 1:
            raise Invalid(must="share is between 0 and 1", came=f"{self.share}", do="The default is 0.5.")
        if not self.data:
            return
        lacking = names - {q.name for q in FrameSet(self.data).outputs}
        if lacking:
            raise Invalid(
                must="old frames have all labels of the new ones",
                came=f"{self.data} without {', '.join(sorted(lacking))}",
                do="Give a file with them.",
            )

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Any:
        """Fit the method inside to both."""
        if not self.data:
            session.say("nothing is replayed: no file of old frames (--replay-data OLD.xyz)")
            return self.method.fit(task, budget, key=key, session=session)
        mixed = Mixed(task, FrameSet(self.data), self.share)
        new, both = len(task.truth("train")), len(mixed.truth("train"))
        session.say(f"{both} training samples, {new} of them the first round of new ones; old ones from {self.data}")
        return self.method.fit(mixed, budget, key=key, session=session)

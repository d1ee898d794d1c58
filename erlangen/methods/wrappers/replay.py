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

from erlangen.contract import Budget, Resampled, Samples, Session, Split, Supervised, Task, Wrapper
from erlangen.core.errors import Invalid
from erlangen.data.frame_sets import FrameSet

from ._potentials import check_potential


def mixed(task: Supervised, old: FrameSet, share: float) -> Resampled:
    """The same question, training and validation samples joined by old ones: whole rounds of both, so many that old
    samples are `share` of all, or nearly.
    """

    def samples(split: Split) -> Samples:
        new = task.truth(split)
        if split not in ("train", "validation"):
            return new
        before = old.part(split)
        wanted = share / (1 - share) * len(new) / len(before)  # rounds of the old ones for one of the new
        rounds = (max(math.ceil(1 / wanted), 1), 1) if wanted < 1 else (1, max(round(wanted), 1))
        parts = [part.take(np.tile(np.arange(len(part)), count)) for part, count in zip((new, before), rounds)]
        return Samples(
            [x for part in parts for x in part.inputs],
            {q.name: [y for part in parts for y in part.outputs[q.name]] for q in task.outputs},
        )

    return Resampled(task, samples, sources=old.sources)


@dataclasses.dataclass(frozen=True)
class Replay(Wrapper):
    """Old frames mixed into the training of a potential."""

    data: str = ""  # file with labelled frames of the earlier question
    share: float = 0.5  # of old frames among those that are seen

    def check(self, task: Task) -> None:
        """Accept energies and forces, with a file of old frames that has all that is asked for."""
        super().check(task)
        check_potential(self, task)
        if not 0 < self.share < 1:
            raise Invalid(must="share is between 0 and 1", came=f"{self.share}", do="The default is 0.5.")
        if not self.data:
            return
        lacking = {q.name for q in task.outputs} - {q.name for q in FrameSet(self.data).outputs}
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
        both = mixed(task, FrameSet(self.data), self.share)
        new, count = len(task.truth("train")), len(both.truth("train"))
        session.say(f"{count} training samples, {new} of them the first round of new ones; old ones from {self.data}")
        return self.method.fit(both, budget, key=key, session=session)

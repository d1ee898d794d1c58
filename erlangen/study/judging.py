"""The judging of a fit in parts: each says what goes on, each may fail without the others, and time has a share.

with judging.part("intervals") as tell: ...      what raises inside is said and noted; what follows goes on
judging.affordable(ask, samples, share) -> Samples   evenly taken, where all of them would take too long
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..assess.cost import spread
from ..contract import Budget, Samples
from ..contract.parts import Tell
from ..numerics.chunks import is_short_of_memory
from .finished import Say
from .progress import ProgressLine

LEAST, SHARE = 60.0, 0.25  # seconds, or that part of the time of the fit where it is more
ANSWERS, TRAJECTORIES, SCORES = "answers", "trajectories", "scores"  # parts without which a run is not judged
MANY = 256  # samples: as many are always judged


@dataclasses.dataclass
class Judging:
    """line: what speaks. limit: seconds that answering judged samples may take, compiling aside; None: no limit.
    failed: by part, why it could not be judged.
    """

    line: ProgressLine
    say: Say
    limit: float | None = None
    run: str = ""
    failed: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def within(cls, asked: Budget | None, fit: Budget) -> float | None:
        """The limit: what was asked for, or a share of a budget of time; a fit of so many steps has none."""
        if asked is not None:
            return asked.seconds
        return None if fit.seconds is None else max(LEAST, SHARE * fit.seconds)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[Tell]:
        """One part. A fault of any kind ends it, not the judging."""
        with self.line.during(f"judging: {name}") as tell:
            try:
                yield tell
            except Exception as error:  # memory that was not enough, a solver that failed, a bug
                first = str(error).strip().splitlines()[:1]
                why = "not enough memory" if is_short_of_memory(error) else ": ".join([type(error).__name__, *first])
                self.failed[name] = why[:300]
                again = f" Again: erlangen judge {self.run}" if self.run else ""
                self.say(f"{name} could not be judged ({why[:300]}); the rest of the record stands.{again}")

    @property
    def lacks_scores(self) -> bool:
        """Whether something failed that scores are made of: then the run is no more than fitted."""
        return bool({ANSWERS, TRAJECTORIES, SCORES} & set(self.failed))

    def affordable(self, ask: Callable[[list[Any]], Any], samples: Samples, share: float, what: str) -> Samples:
        """The samples, or as many of them, evenly taken, as can be asked in that share of the limit."""
        if self.limit is None or len(samples) <= MANY:
            return samples
        part = spread(samples, MANY // 2)
        ask(list(part.inputs))  # compiles
        tick = time.perf_counter()
        ask(list(part.inputs))
        count = max(int(share * self.limit * len(part) / (time.perf_counter() - tick)), MANY)
        if count >= len(samples):
            return samples
        self.say(
            f"{what}: judged on {count} of {len(samples)} samples, evenly taken, in {share * self.limit:.0f} s "
            f"(all of them: --judging {self._enough(len(samples) / count)})"
        )
        return spread(samples, count)

    def _enough(self, times: float) -> str:
        return f"{max(int(times * (self.limit or 0.0) / 60 + 1), 1)}m"

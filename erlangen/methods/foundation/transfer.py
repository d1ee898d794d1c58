"""Transfer from cheap labels: learn a semi-empirical surface first, where labels cost milliseconds, then correct it.

    theta_0 = argmin  loss on `frames` structures with GFN2-xTB labels, sampled around the training structures
    theta   = argmin  loss on the training data, from theta_0

The sampled structures come from canonical dynamics that start at training structures, hotter than they are, so that
the answer has seen more of the surface than the data show. Sampling, labelling and the first fit are part of the
budget. The answer is a network like any other: no semi-empirical calculation is left in it. Needs isolated
molecules, taken as neutral and with as few unpaired electrons as there can be.
Smith et al. 2019, doi:10.1038/s41467-019-10827-4 (transfer between levels of theory); Bannwarth, Ehlert, Grimme 2019,
doi:10.1021/acs.jctc.8b01176 (GFN2-xTB).
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Method, Predictor, Resampled, Samples, Session, Signature, Split, Supervised
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations
from ...core.systems import Atoms
from ...data.cache import key, remembered
from ...physics.molecular_dynamics import Sampling, canonical_frames
from ...physics.tight_binding import TightBinding
from ..message_passing._method import MessagePassing
from ..message_passing.mace import MACE
from ..message_passing.painn import PaiNN

NETWORKS: dict[str, type[MessagePassing]] = {"mace": MACE, "painn": PaiNN}
PER_TRAJECTORY = 50
HELD_OUT = 0.05  # of the sampled structures, to judge the first fit


@dataclasses.dataclass(frozen=True)
class Transfer(Method):
    """A network that has learned GFN2-xTB before it sees the data."""

    network: str = "mace"  # mace or painn
    channels: int = 32  # features per degree and atom
    frames: int = 1500  # sampled structures with GFN2-xTB labels
    temperature: float = 800.0  # K, of the sampling
    share: float = 0.45  # of the time for the first fit, sampling included
    batch: int = 5  # structures per step
    rate: float = 2e-3  # peak learning rate of the second fit; the first has twice that
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}), alone=True)

    def __post_init__(self):
        if self.network not in NETWORKS:
            raise Invalid(must=f"network is one of {list(NETWORKS)}", came=self.network, do="Write --network mace.")
        within(self, channels=(1, 4096), frames=(20, 1_000_000), temperature=(1, 5000), share=(0.01, 0.99))
        within(self, batch=(1, 4096), rate=(0, 1), energy_weight=(-1e-9, 1e9))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        """Those of the network, but for the lattice: periodic structures are refused."""
        kept = NETWORKS[self.network]().symmetry
        return tuple(kind for kind in kept if kind not in (LatticeBasis, LatticeTranslations))

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Sample and label, fit to the cheap labels, then to the data of the task."""
        tick = time.perf_counter()
        first, second = jax.random.split(key)
        with session.during(f"sampling and labelling {self.frames} structures with GFN2-xTB"):
            cheap = cheaply_labelled(task, self.frames, self.temperature)
        session.labelled("GFN2-xTB", self.frames, time.perf_counter() - tick)
        spent = time.perf_counter() - tick
        early = _part(budget, self.share, spent)
        start = self._method(2 * self.rate).fit(cheap, early, key=first, session=session.inside("cheap"))
        late = _part(budget, 1.0 if budget.seconds else 1 - self.share, time.perf_counter() - tick)
        inside = dataclasses.replace(session.inside("data"), start=start)
        return self._method(self.rate).fit(task, late, key=second, session=inside)

    def _method(self, rate: float) -> MessagePassing:
        kind = NETWORKS[self.network]
        training = dataclasses.replace(kind().training, rate=rate, batch=self.batch, ema=0.99)
        return kind(channels=self.channels, energy_weight=self.energy_weight, training=training)  # type: ignore[call-arg]


def _part(budget: Budget, share: float, spent: float) -> Budget:
    """A share of the steps, or what is left of that share of the time after `spent` seconds (a tenth at least)."""
    if budget.seconds is None:
        return budget.share(share)
    return Budget(seconds=max(share * budget.seconds - spent, 0.1 * budget.seconds))


def cheaply_labelled(task: Supervised, frames: int, temperature: float) -> Resampled:
    """Trajectories from training structures of a task, evenly chosen, labelled by GFN2-xTB; two splits, sampled once
    per training set and kept.
    """
    inputs = task.truth("train").inputs
    if any(np.any(x["pbc"]) for x in inputs):
        raise Invalid(
            must="transfer from GFN2-xTB needs isolated molecules",
            came="periodic structures",
            do="Choose a network without transfer (mace, painn).",
        )
    count = max(frames // PER_TRAJECTORY, 1)
    starts = [inputs[i] for i in np.linspace(0, len(inputs) - 1, count).astype(int)]
    around = {
        "starts": [np.round(np.asarray(x["positions"], float), 6).tolist() for x in starts],
        "numbers": [np.asarray(x["atomic_numbers"]).tolist() for x in starts],
    }
    labels = key("transfer", {"frames": frames, "temperature": temperature, **around}, made_by=(_sampled,))
    whole = remembered(labels, lambda: _sampled(starts, frames, temperature))
    held = max(int(HELD_OUT * len(whole)), 1)
    order = np.random.default_rng(0).permutation(len(whole))
    parts: dict[Split, Samples] = {"train": whole.take(order[held:]), "validation": whole.take(order[:held])}
    outputs = tuple(q for q in task.outputs if q.name in ("energy", "forces"))
    return Resampled(task, parts.__getitem__, symmetry=(), outputs=outputs)


def _sampled(starts: list[Any], frames: int, temperature: float) -> Samples:
    """Equally many frames of a trajectory from every start; those of one molecule run side by side."""
    counts = np.full(len(starts), frames // len(starts))
    counts[: frames - counts.sum()] += 1
    sampling = Sampling(temperature=temperature, interval=10, burn_in=100)
    molecules: dict[tuple[int, ...], list[int]] = {}
    for i, start in enumerate(starts):
        molecules.setdefault(tuple(np.asarray(start["atomic_numbers"]).tolist()), []).append(i)
    inputs, energies, forces, groups = [], [], [], []
    for seed, (numbers, rows) in enumerate(molecules.items()):
        method = TightBinding("GFN2-xTB", 0, sum(numbers) % 2)
        found = canonical_frames(
            lambda m=method, z=numbers: m.potential(np.array(z)),
            [starts[i] for i in rows],
            [int(counts[i]) for i in rows],
            sampling,
            seed=seed,
        )
        for i, frame in zip(rows, found, strict=True):
            inputs += [Atoms(r, np.array(numbers, np.int32)) for r in frame.positions]
            energies += list(frame.energy)
            forces += list(frame.forces)
            groups += [i] * len(frame.energy)
    return Samples(inputs, {"energy": energies, "forces": forces}, np.array(groups))


small = Transfer(network="painn", channels=16, frames=100)
base = Transfer()

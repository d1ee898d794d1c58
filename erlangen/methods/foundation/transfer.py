"""Transfer from cheap labels: learn what a semi-empirical method gets wrong, then one network for the sum.

    E_x                 GFN2-xTB, milliseconds a structure
    theta_c = argmin    loss of  f_c  on the training structures with the labels  y - E_x
    theta   = argmin    loss of  f    on `frames` sampled structures with  E_x + f_c,  and on the training data

What E_x gets wrong is smoother and smaller than y: a few dozen structures show it. The structures come from canonical
dynamics that start at training structures, so that the answer sees far more of the surface than the data show.
Sampling, labelling and both fits are part of the budget. The answer is a network like any other: no semi-empirical
calculation is left in it. Needs isolated molecules, taken as neutral and with as few unpaired electrons as can be.
Ramakrishnan et al. 2015, doi:10.1021/acs.jctc.5b00099 (differences between levels of theory); Bannwarth, Ehlert, Grimme
2019, doi:10.1021/acs.jctc.8b01176 (GFN2-xTB).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Method, Predictor, Samples, Session, Signature, Split, Supervised
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations
from ...core.systems import Atoms
from ...data.cache import key, remembered
from ...learn.batching import predict
from ...physics.molecular_dynamics import Sampling, canonical_frames
from ...physics.tight_binding import TightBinding
from ..message_passing._method import MessagePassing
from ..message_passing.mace import MACE
from ..message_passing.painn import PaiNN

NETWORKS: dict[str, type[MessagePassing]] = {"mace": MACE, "painn": PaiNN}
LABELS = ("energy", "forces")
PER_TRAJECTORY = 50
KNOWN = 0.1  # share of the training data, repeated, in what the sum is fitted to


@dataclasses.dataclass(frozen=True)
class Transfer(Method):
    """A network that learns the sum of GFN2-xTB and of what that gets wrong."""

    network: str = "mace"  # mace or painn
    channels: int = 32  # features per degree and atom
    frames: int = 2000  # sampled structures with GFN2-xTB labels
    temperature: float = 600.0  # K, of the sampling
    share: float = 0.3  # of the time for the fit of the difference, sampling included
    batch: int = 5  # structures per step
    rate: float = 2e-3  # peak learning rate of the difference; the sum has twice that
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
        """Sample and label, fit the difference, then the sum."""
        tick = time.perf_counter()
        first, second = jax.random.split(key)
        known = {split: task.truth(split) for split in ("train", "validation")}
        with session.during(f"sampling and labelling {self.frames} structures with GFN2-xTB"):
            around = sampled(known["train"], self.frames, self.temperature)
            wrong = {split: plus(samples, labelled(samples.inputs), sign=-1) for split, samples in known.items()}
        session.labelled("GFN2-xTB", len(around), time.perf_counter() - tick)
        early = _part(budget, self.share, time.perf_counter() - tick)
        inside = session.inside("difference")
        difference = self._method(self.rate).fit(Parts(task, wrong), early, key=first, session=inside)
        corrected = plus(around, predict(difference, around.inputs))
        parts = {**known, "train": joined(corrected, known["train"])}
        late = _part(budget, 1.0 if budget.seconds else 1 - self.share, time.perf_counter() - tick)
        return self._method(2 * self.rate).fit(Parts(task, parts), late, key=second, session=session.inside("sum"))

    def _method(self, rate: float) -> MessagePassing:
        kind = NETWORKS[self.network]
        training = dataclasses.replace(kind().training, rate=rate, batch=self.batch, ema=0.99)
        return kind(channels=self.channels, energy_weight=self.energy_weight, training=training)  # type: ignore[call-arg]


def _part(budget: Budget, share: float, spent: float) -> Budget:
    """A share of the steps, or what is left of that share of the time after `spent` seconds (a tenth at least)."""
    if budget.seconds is None:
        return budget.share(share)
    return Budget(seconds=max(share * budget.seconds - spent, 0.1 * budget.seconds))


class Parts(Supervised):
    """Energies and forces of another task's kind, with other samples; two splits."""

    container = Atoms

    def __init__(self, task: Supervised, parts: dict[str, Samples]):
        self.inputs, self.outputs = task.inputs, tuple(q for q in task.outputs if q.name in LABELS)  # type: ignore[misc]
        self.parts = parts

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return ()

    def truth(self, split: Split) -> Samples:
        return self.parts[split]


def plus(samples: Samples, more: Mapping[str, Sequence[Any]], *, sign: int = 1) -> Samples:
    """The same structures, their labels plus (or minus) `more`."""
    outputs = {n: [np.asarray(a) + sign * np.asarray(b) for a, b in zip(samples.outputs[n], more[n])] for n in LABELS}
    return dataclasses.replace(samples, outputs=outputs)


def joined(sampled: Samples, known: Samples) -> Samples:
    """Sampled structures, and the training data as often as makes them a share `KNOWN` of all."""
    times = max(round(KNOWN * len(sampled) / ((1 - KNOWN) * len(known))), 1)
    outputs = {n: [*sampled.outputs[n], *(list(known.outputs[n]) * times)] for n in LABELS}
    return Samples([*sampled.inputs, *(list(known.inputs) * times)], outputs)


def labelled(inputs: Sequence[Any]) -> dict[str, list[Any]]:
    """GFN2-xTB energies [eV] and forces [eV/A]."""
    found: dict[str, list[Any]] = {n: [] for n in LABELS}
    potentials: dict[tuple[int, ...], Any] = {}
    for x in inputs:
        numbers = tuple(np.asarray(x["atomic_numbers"]).tolist())
        if numbers not in potentials:
            potentials[numbers] = _method_of(numbers).potential(np.array(numbers))
        for name, value in zip(LABELS, potentials[numbers](np.asarray(x["positions"], float))):
            found[name].append(np.asarray(value))
    return found


def sampled(train: Samples, frames: int, temperature: float) -> Samples:
    """Trajectories from training structures, evenly chosen; sampled once per training set and kept."""
    inputs = train.inputs
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
    return remembered(labels, lambda: _sampled(starts, frames, temperature))


def _method_of(numbers: Sequence[int]) -> TightBinding:
    return TightBinding("GFN2-xTB", 0, sum(numbers) % 2)


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
        method = _method_of(numbers)
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

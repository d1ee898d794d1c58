"""What all message-passing methods share: what they accept, what they keep exactly, and how they are fitted.

A method of this family is one file: its layers, and a class that names its settings and makes the network. Two class
attributes or settings place it in the plane of interatomic models: `lmax`, the largest degree of the features that are
passed on, and `body_order`, the number of bodies that one layer correlates.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar

from jaxtyping import PRNGKeyArray

from ...contract import Budget, Method, Predictor, Session, Signature, Supervised
from ...core.errors import within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...learn.supervised import Training
from ...nn.radial import Bessel, Gaussians
from ._network import Network
from ._potential import Setting, fit_network


class MessagePassing(Method):
    """A method whose answer is a network of messages between atoms.

    E(3), permutations and the choice of lattice vectors and images are kept exactly.
    """

    # settings that every subclass declares, so that its file shows their defaults
    channels: int
    layers: int
    radial: Bessel | Gaussians
    energy_weight: float
    training: Training

    lmax: ClassVar[int]
    body_order: ClassVar[int]
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}  # of the settings that only this method has
    accepts: ClassVar[Signature] = Signature(Supervised, Atoms)

    def __post_init__(self):
        within(self, channels=(1, 4096), layers=(1, 64), energy_weight=(-1e-9, 1e9), **self.limits)
        within(self.radial, cutoff=(0.0, 100.0), count=(1, 256))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    @property
    def continues(self) -> bool:
        return True

    @abc.abstractmethod
    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """The network with random weights, for so many elements and a mean number of neighbours."""

    def fit(
        self,
        task: Supervised,
        budget: Budget,
        *,
        key: PRNGKeyArray,
        session: Session = Session(),
    ) -> Predictor:
        """Match the outputs of the training split; the parameters that do best on validation are kept.

        session.start: a potential of this method for the same elements whose weights the fit begins with.
        """
        setting = Setting(self.radial.cutoff, self.energy_weight, self.training)
        return fit_network(self.build, task, setting, budget, key=key, session=session)

"""The two halves of every result: a Task is a question, a Method gives an Answer, a Record is what came out.

A task states inputs, outputs, symmetry and where the truth comes from; it is of one of five kinds (`tasks`), and may
know a law (`laws`). A method (`methods`) says which tasks it accepts and turns one into an answer (`answers`): pure
functions of one sample. Tasks and methods never see each other; `study` brings them together.
"""

from .answers import (
    Answer,
    Density,
    Eigenstates,
    EnergySurface,
    Features,
    Interval,
    Levels,
    Minimiser,
    Predictor,
    QuantumState,
    Sampler,
    Spread,
    StateFamily,
    StatePath,
    Tangents,
)
from .laws import ConservationLaw, Semilinear, Transport
from .methods import Derived, Method, Signature, Wrapper, kind_of
from .parts import SPLITS, Budget, Outputs, PublishedResult, ReferenceSolver, Samples, Score, Session, Shift, Split
from .tasks import (
    Asked,
    Couplings,
    Evolution,
    GroundState,
    Optimisation,
    Quench,
    Sampling,
    Spectrum,
    Supervised,
    Task,
    Variational,
)

__all__ = [
    "Answer",
    "Asked",
    "Budget",
    "ConservationLaw",
    "Couplings",
    "Density",
    "Derived",
    "Eigenstates",
    "EnergySurface",
    "Evolution",
    "Features",
    "GroundState",
    "Interval",
    "Levels",
    "Method",
    "Minimiser",
    "ReferenceSolver",
    "Optimisation",
    "Outputs",
    "PublishedResult",
    "Predictor",
    "QuantumState",
    "Quench",
    "SPLITS",
    "Sampler",
    "Samples",
    "Sampling",
    "Score",
    "Semilinear",
    "Session",
    "Shift",
    "Signature",
    "Spectrum",
    "Split",
    "Spread",
    "StateFamily",
    "StatePath",
    "Supervised",
    "Tangents",
    "Task",
    "Transport",
    "Variational",
    "Wrapper",
    "kind_of",
]

"""The two halves of every result: a Task is a question, a Method is an answer, a Record is what came out.

A task states inputs, outputs, symmetry and where the truth comes from. A method says which tasks it accepts and turns
one into a `Fitted`: a pure function of one sample. Tasks and methods never see each other; `study` brings them
together.
"""

from .answers import Featured, Fitted, Interval, Linearised, Method, Signature, Spread, Wrapper
from .parts import SPLITS, Budget, Opponent, Outputs, Peer, Samples, Score, Session, Shift, Split
from .tasks import (
    Conservative,
    Dynamical,
    Evolution,
    Family,
    Governed,
    Levels,
    Supervised,
    Task,
    Transported,
    Variational,
)

__all__ = [
    "Budget",
    "Conservative",
    "Dynamical",
    "Evolution",
    "Family",
    "Featured",
    "Fitted",
    "Governed",
    "Interval",
    "Levels",
    "Linearised",
    "Method",
    "Opponent",
    "Outputs",
    "Peer",
    "SPLITS",
    "Samples",
    "Score",
    "Session",
    "Shift",
    "Signature",
    "Split",
    "Spread",
    "Supervised",
    "Task",
    "Transported",
    "Variational",
    "Wrapper",
]

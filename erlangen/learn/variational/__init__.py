"""Variational ground states: Metropolis samples, local energies and natural-gradient steps, for any wavefunction.

    E[psi] = sum_s |psi(s)|^2 E_loc(s) / sum_s |psi(s)|^2,      E_loc(s) = sum_s' <s|H|s'> psi(s') / psi(s)

`minimise` fits, `evaluate` measures what was fitted with fresh samples and an error bar; figures of the fit itself are
never results. `bracket` adds the lower side. `evolve` moves a state in real time. `Problem` says what is being solved,
`spin_problem` makes one from a spin Hamiltonian; `minimise_family` fits one state to several couplings at once.
"""

from .bounds import Bracket, bracket, contradictions, doubts
from .dynamics import Pace, Trajectory, evolve
from .evaluation import Evaluation, evaluate, full_sum, tabulated
from .excited import (
    Determinant,
    ExcitedStates,
    InSectors,
    Span,
    character_defect,
    in_sector,
    penalised,
    scales_of,
    sector_problem,
    walkers_problem,
)
from .family import Conditioned, family_problem, minimise_family
from .ground_state import Settings, minimise
from .lanczos import LanczosStep, lanczos_step
from .natural_gradient import Factors
from .problem import Problem, basis_of, spin_problem
from .wavefunction import Autoregressive, Wavefunction, wavefunction

__all__ = [
    "Autoregressive",
    "Bracket",
    "Conditioned",
    "Determinant",
    "Evaluation",
    "ExcitedStates",
    "Factors",
    "InSectors",
    "LanczosStep",
    "Pace",
    "Problem",
    "Settings",
    "Span",
    "Trajectory",
    "Wavefunction",
    "basis_of",
    "bracket",
    "character_defect",
    "contradictions",
    "doubts",
    "evaluate",
    "evolve",
    "family_problem",
    "full_sum",
    "in_sector",
    "lanczos_step",
    "minimise",
    "minimise_family",
    "penalised",
    "scales_of",
    "sector_problem",
    "spin_problem",
    "tabulated",
    "walkers_problem",
    "wavefunction",
]

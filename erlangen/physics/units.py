"""The units of the atomistic half: eV, Angstrom, fs, amu, K. CODATA 2018, doi:10.1103/RevModPhys.93.025010."""

from __future__ import annotations

HARTREE = 27.211386245988  # eV
BOHR = 0.529177210903  # Angstrom
BOLTZMANN = 8.617333262e-5  # eV/K
AMU = 103.642696562  # eV fs^2 / Angstrom^2: the inertia of one atomic mass unit
PLANCK = 4.135667696923859  # eV fs: h
THZ = 1e-3  # 1/fs
GPA = 1 / 160.2176634  # eV/A^3

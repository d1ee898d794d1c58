"""Ground states as matrix product states, by two-site DMRG (TeNPy), for any sum of Pauli strings.

    psi(s_1 ... s_N) = A^{s_1} A^{s_2} ... A^{s_N},        matrices of at most chi x chi (the bond dimension)

White 1992, doi:10.1103/PhysRevLett.69.2863; matrix product states: Schollwoeck 2011, doi:10.1016/j.aop.2010.09.012;
TeNPy: Hauschild and Pollmann 2018, doi:10.21468/SciPostPhysLectNotes.5. Sites are taken in their order on the lattice.
The energy is variational: it lies above the exact one by what chi leaves out.
"""

# TeNPy is an extra
# pyright: reportMissingImports=false
from __future__ import annotations

import importlib.util
import itertools
import logging
import math
import time
import warnings
from collections import defaultdict
from typing import Any

import numpy as np

from ..core.errors import Invalid
from .spins import Hamiltonian

LADDER = {
    0: (("Id", 1.0),),
    1: (("Sp", 1.0), ("Sm", 1.0)),
    2: (("Sp", -1j), ("Sm", 1j)),
    3: (("Sz", 2.0),),
}
"""Pauli matrices by ladder operators |up><down|, |down><up| and S_z: sx = S+ + S-, sy = -i (S+ - S-), sz = 2 S_z."""

_SWEEPS = 24
_ACCURACY = 1e-10


def is_installed() -> bool:
    """Whether TeNPy is."""
    return importlib.util.find_spec("tenpy") is not None


def ground_state_energy(law: Hamiltonian, bond_dimension: int) -> tuple[float, float]:
    """(energy, seconds) of the best matrix product state found; at fixed S_z where the law conserves it.

    Good values: 32 to 128 on chains; on lattices of width L the bond dimension needed grows exponentially with L.
    """
    if not is_installed():
        raise Invalid(
            must="matrix product states need TeNPy", came="it is not installed", do='pip install "erlangen[mps]"'
        )
    import threadpoolctl
    from tenpy.algorithms.dmrg import TwoSiteDMRGEngine

    begun = time.perf_counter()
    constant, terms = ladder_terms(law)
    if not terms or law.n_sites < 3:
        raise Invalid(must="a matrix product state has at least 3 sites", came=law.title, do="Diagonalise it.")
    options = {
        "trunc_params": {"chi_max": bond_dimension, "svd_min": 1e-12},
        "max_sweeps": _SWEEPS,
        "max_E_err": _ACCURACY,
        "max_trunc_err": None,  # a small bond dimension is a point of the error-cost curve, not a fault
        "mixer": True,
        "mixer_params": {"amplitude": 1e-3, "decay": 2.0, "disable_after": 10},
    }
    logging.getLogger("tenpy").setLevel(logging.ERROR)
    # matrices this small are slower on many threads: 10 times on a busy machine
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
        warnings.simplefilter("ignore")
        model, state = _model(law, terms)
        energy, _ = TwoSiteDMRGEngine(state, model, options).run()
    return float(np.real(energy)) + constant, time.perf_counter() - begun


def ladder_terms(law: Hamiltonian) -> tuple[float, dict[tuple[tuple[str, int], ...], complex]]:
    """(constant, {((operator, site), ...): coefficient}): terms that break S_z cancel where the law conserves it."""
    total: dict[tuple[tuple[str, int], ...], complex] = defaultdict(complex)
    for string, coefficient in zip(law.strings, law.coefficients):
        sites = np.flatnonzero(string)
        for choice in itertools.product(*(LADDER[int(string[i])] for i in sites)):
            key = tuple((name, int(i)) for (name, _), i in zip(choice, sites))
            total[key] += coefficient * math.prod(factor for _, factor in choice)
    largest = max(map(abs, total.values()), default=0.0)
    kept = {key: c.real if abs(c.imag) < 1e-14 else c for key, c in total.items() if abs(c) > 1e-13 * largest}
    return float(np.real(kept.pop((), 0.0))), kept


def _model(law: Hamiltonian, terms: dict[tuple[tuple[str, int], ...], complex]) -> tuple[Any, Any]:
    """TeNPy's model, and a product state to start from: ups and downs in turn, in the right number."""
    from tenpy.models.lattice import Chain
    from tenpy.models.model import MPOModel
    from tenpy.networks.mpo import MPOGraph
    from tenpy.networks.mps import MPS
    from tenpy.networks.site import SpinHalfSite
    from tenpy.networks.terms import TermList

    site = SpinHalfSite(conserve="None" if law.n_up is None else "Sz")
    chain = Chain(law.n_sites, site, bc="open", bc_MPS="finite")
    strings = TermList([list(term) for term in terms], np.array(list(terms.values())))
    operator = MPOGraph.from_term_list(strings, chain.mps_sites(), "finite").build_MPO()
    n_up = law.n_sites // 2 if law.n_up is None else law.n_up
    ups = np.diff(np.floor(np.arange(law.n_sites + 1) * n_up / law.n_sites + 1e-9)) > 0.5
    start = MPS.from_product_state(chain.mps_sites(), ["up" if up else "down" for up in ups], "finite")
    return MPOModel(chain, operator), start

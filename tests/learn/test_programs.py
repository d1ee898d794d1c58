"""How many programs a fit compiles: about ten, whatever the network."""

from __future__ import annotations

import jax
import pytest

from erlangen.contract import Budget
from erlangen.methods.message_passing.mace import MACE
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.operators.fno import FNO
from erlangen.methods.operators.unet import UNet
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.molecules.forces import Forces

COMPILED = "/jax/core/compile/backend_compile_duration"
FITS = {
    "fno": (FNO(width=8, modes=4, layers=2), Burgers),
    "unet": (UNet(width=8), Burgers),
    "painn": (PaiNN(channels=8, layers=2), Forces),
    "mace": (MACE(channels=8, density=2), Forces),
}


@pytest.fixture
def compiled():
    """The programs that are compiled, or read, from here on."""
    found = []

    def hear(event, duration_secs, **kwargs):
        if event == COMPILED:
            found.append(duration_secs)

    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(hear)
    yield found
    jax.monitoring.unregister_event_duration_listener(hear)


@pytest.mark.parametrize("name", FITS)
def test_a_fit_compiles_about_ten_programs(name, compiled):
    method, kind = FITS[name]
    task, key = kind(**kind.toy), jax.random.key(0)
    for split in ("train", "validation"):
        task.truth(split)
    compiled.clear()
    method.fit(task, Budget(steps=3), key=key)
    assert 3 <= len(compiled) <= 12

"""Trials with spins: what is asked about rings of six or four spins, of which everything is known."""

from __future__ import annotations

from ...tasks.quantum.excited import Excited
from ...tasks.quantum.quench import Quench
from ...tasks.quantum.spins import Spins
from ...tasks.quantum.spins_family import SpinsFamily

RINGS = Spins(sites=6), Excited(sites=6), Quench(sites=6, time=0.1), SpinsFamily(sites=6, couplings=3)

"""Computation that knows no physics: integrators, samplers, spectral operators, finite volumes, precision."""

"""Potentials that are linear in their parameters: fitted by one solution of a linear problem."""

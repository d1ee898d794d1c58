"""Judging: scores with error bars, symmetry audits, intervals, shifts, cost against solvers."""

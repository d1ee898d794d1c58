"""Engines that fit: supervised and variational, with batching, budgets, checkpoints and roll-outs."""

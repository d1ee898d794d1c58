"""Trainable blocks: layers for atoms, fields and spins, neighbour lists, tensor products."""

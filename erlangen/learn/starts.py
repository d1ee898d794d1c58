"""Fits that begin with what an earlier fit has learned (fine-tuning, transfer): `Session.start`."""

from __future__ import annotations

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..contract import Answer
from ..core.errors import Invalid

M = TypeVar("M", bound=eqx.Module)


def begun(model: M, start: Answer | None) -> M:
    """`model` with the numbers that `start` has learned, whatever wraps it; as it is where there is no start.

    Only the arrays are taken over: what is static (scales, laws, reference energies of elements) belongs to the new
    question. Raises `Invalid` where the two networks differ in any shape.
    """
    if start is None:
        return model
    params, static = eqx.partition(model, eqx.is_inexact_array)
    learned, _ = eqx.partition(start.bare, eqx.is_inexact_array)
    own, theirs = ([np.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (params, learned))
    if type(start.bare) is not type(model) or own != theirs:
        raise Invalid(
            must="a fit begins from an answer of the same method and settings",
            came=f"{_words(start.bare, theirs)} for {_words(model, own)}",
            do="Give the settings that the earlier run had, or begin anew.",
        )
    leaves, structure = jax.tree.flatten(params)
    found = [jnp.asarray(new, old.dtype) for new, old in zip(jax.tree.leaves(learned), leaves)]
    return eqx.combine(jax.tree.unflatten(structure, found), static)


def _words(module: eqx.Module, shapes: list[tuple[int, ...]]) -> str:
    return f"{type(module).__name__} of {sum(map(np.prod, shapes)):,} numbers in {len(shapes)} arrays"

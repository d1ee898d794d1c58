"""How many steps to take: chosen where the state is known, demanded where it is traced, refused if unstable."""

from __future__ import annotations

from typing import Any

from jax.core import Tracer

from erlangen.core.errors import Invalid


def is_traced(*values: Any) -> bool:
    """Whether any value is one of `jit`, `vmap` or `grad`, so that nothing can be asked of it."""
    return any(isinstance(v, Tracer) for v in values)


def checked_steps(steps: int | None, chosen: int | None, least: int | None, dt: float) -> int:
    """`steps` if given, else `chosen`; refused below `least`, the fewest stable ones. None: not known."""
    if steps is None and chosen is None:
        raise Invalid(
            must="the number of steps must be given where the field is traced (jit, vmap, grad)",
            came="steps=None",
            do="Choose it outside, from the largest speed on the way, by the steps_needed of the law.",
        )
    if steps is not None and least is not None and steps < least:
        raise Invalid(
            must="the time step must be stable",
            came=f"dt / steps = {dt / steps:.3g}" if steps > 0 else f"{steps} steps",
            do=f"For this field take at most {dt / least:.3g}: steps >= {least}.",
        )
    return steps if steps is not None else chosen or 1

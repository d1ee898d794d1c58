"""What a value may be: names for types, apart from the declarations, which need no array library."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

AnyArray = Array | np.ndarray
"""The value of a quantity: JAX's inside compiled code, NumPy's on the host."""

Coefficient = float | Float[Array, ""]
"""A number in a law: the same for all, or one that an input brings and derivatives may be taken of."""

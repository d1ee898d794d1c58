"""Containers know the geometry that their fields imply."""

import numpy as np

from erlangen.core.systems import Field


def test_lengths_are_those_of_the_domain_with_and_without_walls():
    values = {"u": np.zeros((8, 5))}
    np.testing.assert_allclose(Field(values, (0.125, 0.25)).lengths, (1.0, 1.25))
    np.testing.assert_allclose(Field(values, (0.125, 0.25), "walls").lengths, (0.875, 1.0))

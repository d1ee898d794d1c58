"""The three lines that a third party writes, on the example plug-in."""

from pathlib import Path

from erlangen.testing import contract_suite

TestContract = contract_suite(folder=Path(__file__).parents[2] / "examples" / "plugin")

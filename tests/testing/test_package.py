"""The contract suite on every task and method of the package."""

from erlangen.testing import contract_suite

TestContract = contract_suite()

"""The contract suite: what every task and every method must keep, as tests that run on yours too.

    # test_my_plugins.py
    from erlangen.testing import contract_suite

    TestContract = contract_suite(folder="my_plugins")

`my_plugins` holds tasks/<area>/<task>.py and methods/<family>/<method>.py. Every task is asked with its `toy` settings,
and every method meets every task that it accepts: ``toy: ClassVar = {"n": 32}`` on a task keeps this short.
Single checks can be called as functions: `task_checks`, `method_checks`, `energy_checks`. Needs pytest and hypothesis.
"""

from .cases import Case, ContractBroken
from .suite import contract_suite

__all__ = ["Case", "ContractBroken", "contract_suite"]

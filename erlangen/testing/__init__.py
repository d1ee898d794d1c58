"""The contract suite: what every task and every method must keep, as tests that run on yours too.

    # test_my_plugins.py
    from erlangen.testing import contract_suite

    TestContract = contract_suite(folder="my_plugins")

`my_plugins` holds tasks/<area>/<task>.py and methods/<family>/<method>.py. Every task is asked with its `toy` settings
(``toy: ClassVar = {"n": 32}`` keeps this short) and meets the trivial method of its kind; every method meets the trials
(`trials`) of the layouts that it accepts, and the tasks beside it. Each rule asks a fitted answer through one program
(`cases.Case`), so that the suite grows with tasks and methods and not with their product. Single rules can be called as
functions: `task_checks`, `method_checks`, `energy_checks`, `answer_checks`. Needs pytest and hypothesis.
"""

from .cases import Case, ContractBroken
from .suite import contract_suite

__all__ = ["Case", "ContractBroken", "contract_suite"]

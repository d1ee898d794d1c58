"""The contract suite on every task and method of the package, and on every pair whose task is not about fields.

Networks of atoms share their frame: all of them meet the first task of the family in every run, one of them the others;
the remaining pairs are among the slow tests, and so is `transfer`, whose answer is one of these networks.
"""

from erlangen.core.systems import Field
from erlangen.methods.foundation.transfer import Transfer
from erlangen.methods.message_passing._method import MessagePassing
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.tasks.molecules.forces import Forces
from erlangen.testing import contract_suite


def rarely(case):
    other = isinstance(case.method, MessagePassing) and not isinstance(case.method, PaiNN)
    return isinstance(case.method, Transfer) or (other and not isinstance(case.task, Forces))


TestContract = contract_suite(rarely=rarely, pairs=lambda case: case.task.container is not Field)

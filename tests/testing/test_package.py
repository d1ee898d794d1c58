"""The contract suite on every task and method of the package, and on every pair whose task is not about fields.

Networks of atoms share their frame: most meet the first task of the family in every run, one of them the others too;
the remaining pairs are among the slow tests, and so are those of `transfer`, whose answer is one of these networks, and
of the networks of angles and torsions, which take a minute and more to compile and have tests of their own.
"""

from erlangen.core.systems import Field
from erlangen.methods.foundation.transfer import Transfer
from erlangen.methods.message_passing._method import MessagePassing
from erlangen.methods.message_passing.comenet import ComENet
from erlangen.methods.message_passing.dimenet import DimeNet
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.message_passing.spherenet import SphereNet
from erlangen.tasks.molecules.forces import Forces
from erlangen.testing import contract_suite

COSTLY = Transfer, DimeNet, SphereNet, ComENet


def rarely(case):
    other = isinstance(case.method, MessagePassing) and not isinstance(case.method, PaiNN)
    return isinstance(case.method, COSTLY) or (other and not isinstance(case.task, Forces))


TestContract = contract_suite(rarely=rarely, pairs=lambda case: case.task.container is not Field)

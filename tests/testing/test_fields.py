"""The contract suite on pairs whose task is about fields.

Operators share their frame: all of them meet one task in two dimensions in every run, FNO one of each other kind (a
line, walls, several fields); the remaining pairs are among the slow tests.
"""

from erlangen.core.systems import Field
from erlangen.methods.operators.fno import FNO
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.darcy import Darcy
from erlangen.tasks.continuum.euler import CompressibleEuler
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.testing import contract_suite

EACH_KIND = Burgers, Darcy, CompressibleEuler


def rarely(case):
    return not isinstance(case.task, (Kolmogorov, *EACH_KIND) if isinstance(case.method, FNO) else Kolmogorov)


TestContract = contract_suite(rarely=rarely, pairs=lambda case: case.task.container is Field, alone=False)

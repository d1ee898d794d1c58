"""Every method on every task that it accepts (make matrix): hours, and the same rules as at the trials."""

from erlangen.testing import contract_suite

TestMatrix = contract_suite(whole=True)

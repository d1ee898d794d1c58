"""What entry points do to the process before they compute."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from erlangen.study.environment import prepare

if "prepare" in sys.argv:
    prepare()
for repeat in range(6):
    if repeat == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(64 * 2**17)  # 64 MB, freed at once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator of glibc")
def test_freed_memory_is_kept_for_the_next_step():
    as_it_comes, prepared = (
        int(subprocess.check_output([sys.executable, "-c", FAULTS, *options], text=True))
        for options in ([], ["prepare"])
    )
    assert prepared < 20  # pages mapped anew in five repetitions; found: 0
    assert as_it_comes > 5 * 30  # even pages of 2 MB; otherwise this test says nothing

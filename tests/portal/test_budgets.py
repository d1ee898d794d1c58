"""What pages weigh, with all that ships on them; the bundle is weighed by `web/tests/sizes.test.ts`."""

from __future__ import annotations

import gzip
import time

from costs import slowness

from erlangen.portal import api, pages
from erlangen.portal.library import Library
from erlangen.study.store import ListedRun

MOST_KB = 60  # of a page with its data, as it is sent
MANY = 10_000


def test_pages_with_their_data_are_light():
    library = Library(None)
    weights = {path: len(gzip.compress(pages.page(library, path, {}).encode())) for path in pages.paths(library)}
    assert max(weights.values()) <= 1000 * MOST_KB, sorted(weights.items(), key=lambda one: -one[1])[:3]


def test_a_board_over_ten_thousand_records_is_asked_from_the_index(tmp_path):
    """In processor time of a machine as fast as the reference: what a reader waits for when nothing is kept yet."""
    library = Library(tmp_path)
    spent = ("one-step nRMSE", 0.4, 0.01, "%", 60.0, 0.001)
    rows = [ListedRun(f"r{i}", "continuum/burgers", "fno", i, "2026", "done", "60s", *spent) for i in range(MANY)]
    library._listed = {row.name: row for row in rows}
    query = {"task": "continuum/burgers", "order": "score", "limit": "100"}
    api.answer(library, "runs", query)
    began = time.process_time()
    found = api.answer(library, "runs", query)
    assert time.process_time() - began <= 0.1 * max(slowness(), 1.0)
    assert found["count"] >= MANY and len(found["runs"]) == 100

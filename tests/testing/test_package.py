"""The contract suite on the package: every task, every method at the trials of its layouts, every wrapper."""

from erlangen import registry
from erlangen.testing import contract_suite
from erlangen.testing.finding import at_tasks, at_trials, find, wrapped

INSIDE = {
    "distilled": "schnet",
    "lanczos": "jastrow",
    "last_layer": "schnet",
    "replay": "schnet",
    "variance_heads": "schnet",
}

TestContract = contract_suite(inside=INSIDE)


def test_nothing_is_left_out():
    found = find(None, INSIDE)
    names = {kind: {e.name for e in registry.entries(kind) if e.source == "erlangen"} for kind in ("task", "method")}
    assert {task.name() for task in found.tasks} == names["task"]
    assert {case.method.name() for case in at_trials(found)} == names["method"]
    assert {case.method.name() for case in wrapped(found)} == {e.name for e in registry.entries("wrapper")}
    for case in at_tasks(found):
        assert case.method.check(case.task) is None


def test_every_declared_symmetry_is_seen_somewhere():
    """A symmetry that a method declares and no trial of it has would never be checked."""
    seen, declared = {}, {}
    for case in at_trials(find(None, INSIDE)):
        name = case.method.name()
        declared[name] = set(case.method.symmetry)
        seen.setdefault(name, set()).update(
            kind for kind in case.method.symmetry for group in case.task.symmetry if isinstance(group, kind)
        )
    assert {name: declared[name] - seen[name] for name in declared if declared[name] - seen[name]} == {}

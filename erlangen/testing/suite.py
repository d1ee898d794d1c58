"""The contract suite as a pytest class: one test per rule and per task, method or pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..contract import Couplings, GroundState, Method, Quench, Spectrum, Supervised, Task, Variational
from . import energy_checks, method_checks, task_checks
from .cases import Case, find

TASK_RULES = (
    task_checks.check_source,
    task_checks.check_settings,
    task_checks.check_quantities,
    task_checks.check_shifts,
)
SUPERVISED_RULES = (
    task_checks.check_truth,
    task_checks.check_splits,
    task_checks.check_scores,
    task_checks.check_solver_symmetry,
    task_checks.check_solver_truth,
    energy_checks.check_solver_forces,
)
ASKED_RULES = {
    GroundState: (task_checks.check_reference,),
    Spectrum: (task_checks.check_reference,),
    Quench: (task_checks.check_evolution,),
    Couplings: (task_checks.check_members,),
}
METHOD_RULES = (task_checks.check_source, task_checks.check_settings, method_checks.check_size)
PAIR_RULES = (
    method_checks.check_outputs,
    method_checks.check_toy_time,
    method_checks.check_same_bits,
    method_checks.check_symmetry,
    method_checks.check_symmetry_of_drawn_inputs,
    method_checks.check_batching,
    method_checks.check_padding,
    method_checks.check_checkpoint,
    method_checks.check_intervals,
    energy_checks.check_forces_are_the_gradient,
    energy_checks.check_extensive,
    energy_checks.check_smooth,
    energy_checks.check_force_jump,
)


def contract_suite(
    folder: str | Path | None = None,
    rarely: Callable[[Case], bool] = lambda case: False,
    pairs: Callable[[Case], bool] = lambda case: True,
    alone: bool = True,
) -> type:
    """A pytest class that holds every task and method of `folder` to the contract (of the package itself where None).

    `folder` is laid out like one of ERLANGEN_PATH. Methods in it also meet the package's tasks, and its tasks the
    package's methods, where they accept each other. Pairs for which `rarely` holds are marked `slow`. A long suite can
    be cut into several files: `pairs` says which of them this one holds, `alone` whether tasks and methods by
    themselves too. A class attribute called Test... is collected by pytest.
    """
    tasks, methods, cases = find(folder)
    cases = [case for case in cases if pairs(case)]
    tasks, methods = (tasks, methods) if alone else ([], [])
    supervised = [t for t in tasks if isinstance(t, Supervised)]
    variational = [t for t in tasks if isinstance(t, Variational)]
    tests = {
        "test_task": _test(TASK_RULES, tasks),
        "test_supervised_task": _test(SUPERVISED_RULES, supervised),
        **{
            f"test_{asked.__name__}": _test(rules, [t for t in variational if isinstance(t.asked, asked)])
            for asked, rules in ASKED_RULES.items()
        },
        "test_method": _test(METHOD_RULES, methods),
        "test_pair": _test(PAIR_RULES, cases, rarely),
    }
    return type("TestContract", (), tests)


def _test(
    rules: Sequence[Callable[[Any], None]],
    subjects: Sequence[Task | Method | Case],
    rarely: Callable[[Any], bool] = lambda subject: False,
) -> Any:
    """One test function, parametrised over subjects (outer: fits are shared) and rules."""
    pairs = [
        pytest.param(
            rule,
            subject,
            id=f"{_title(subject)}-{rule.__name__.removeprefix('check_')}",
            marks=[pytest.mark.slow] * rarely(subject),
        )
        for subject in subjects
        for rule in rules
    ]

    @pytest.mark.parametrize(("rule", "subject"), pairs)
    def test(self: Any, rule: Callable[[Any], None], subject: Any) -> None:
        rule(subject)

    return test


def _title(subject: Task | Method | Case) -> str:
    return str(subject).replace(" ", "_") if isinstance(subject, Case) else subject.name()

"""The contract suite as a pytest class: one test per rule that applies, and per task, method or pair."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..contract import Couplings, GroundState, Method, Quench, Spectrum, Supervised, Task, Variational
from . import answer_checks, energy_checks, method_checks, task_checks
from .cases import Case, concerned
from .finding import Found, at_tasks, at_trials, find, matrix, wrapped

Rule = Callable[[Any], None]

TASK_RULES: tuple[Rule, ...] = (
    task_checks.check_source,
    task_checks.check_settings,
    task_checks.check_quantities,
    task_checks.check_shifts,
)
SUPERVISED_RULES: tuple[Rule, ...] = (
    task_checks.check_truth,
    task_checks.check_splits,
    task_checks.check_scores,
    task_checks.check_solver_symmetry,
    task_checks.check_solver_truth,
    energy_checks.check_solver_forces,
)
ASKED_RULES: dict[type, tuple[Rule, ...]] = {
    GroundState: (task_checks.check_reference,),
    Spectrum: (task_checks.check_reference,),
    Quench: (task_checks.check_evolution,),
    Couplings: (task_checks.check_members,),
}
METHOD_RULES: tuple[Rule, ...] = (task_checks.check_source, task_checks.check_settings, method_checks.check_size)
PAIR_RULES: tuple[Rule, ...] = (
    method_checks.check_outputs,
    method_checks.check_toy_time,
    method_checks.check_same_bits,
    method_checks.check_symmetry,
    method_checks.check_symmetry_of_drawn_inputs,
    method_checks.check_batching,
    method_checks.check_padding,
    method_checks.check_checkpoint,
    energy_checks.check_forces_are_the_gradient,
    energy_checks.check_stress_is_the_derivative,
    energy_checks.check_extensive,
    energy_checks.check_smooth_everywhere,
    answer_checks.check_draws,
    answer_checks.check_symmetry_of_density,
    answer_checks.check_search,
)
WRAPPER_RULES: tuple[Rule, ...] = (*PAIR_RULES, method_checks.check_intervals)


def contract_suite(
    folder: str | Path | None = None, *, inside: Mapping[str, str] | None = None, whole: bool = False
) -> type:
    """A pytest class that holds every task and method of `folder` to the contract (of the package itself where None).

    `folder` is laid out like one of ERLANGEN_PATH. Methods meet the trials of the layouts that they accept, and the
    tasks of a plug-in; tasks meet the trivial method of their kind. inside: wrapper -> the method that it is tried
    around, where a trivial one is not enough. whole: all accepted pairs instead, marked `matrix` and `slow`. A class
    attribute called Test... is collected by pytest; with ``--dist loadgroup`` all tests of a task or a method share a
    process, so that each fit is made once.
    """
    found = find(folder, inside or {})
    if whole:
        cases = [(WRAPPER_RULES, case) for case in matrix(found)]
        return type(
            "TestMatrix", (), {"test_pair": _test(cases, by_method=True, marks=[pytest.mark.matrix, pytest.mark.slow])}
        )
    pairs = [(PAIR_RULES, case) for case in at_trials(found)]
    tests = {
        "test_task": _test([*task_rules(found.tasks), *((PAIR_RULES, case) for case in at_tasks(found))]),
        "test_method": _test([(METHOD_RULES, each) for each in (*found.methods, *_one_each(found.wrappers))]),
        "test_pair": _test(pairs, by_method=True),
        "test_wrapper": _test([(WRAPPER_RULES, case) for case in wrapped(found)], by_method=True),
    }
    return type("TestContract", (), {name: test for name, test in tests.items() if test is not None})


def task_rules(tasks: Sequence[Task]) -> Iterator[tuple[tuple[Rule, ...], Task]]:
    """The rules of every task: those of all, and those of its kind where that is one of the contract's."""
    for task in tasks:
        rules = TASK_RULES + (SUPERVISED_RULES if isinstance(task, Supervised) else ())
        if isinstance(task, Variational):
            rules += next((own for asked, own in ASKED_RULES.items() if isinstance(task.asked, asked)), ())
        yield rules, task


def judged(found: Found) -> Iterator[tuple[Rule, Task | Method | Case]]:
    """Every rule that applies with its subject, one after the other: the suite without pytest."""
    every = [*task_rules(found.tasks)]
    every += [(METHOD_RULES, each) for each in (*found.methods, *_one_each(found.wrappers))]
    every += [(PAIR_RULES, case) for case in (*at_tasks(found), *at_trials(found))]
    every += [(WRAPPER_RULES, case) for case in wrapped(found)]
    for rules, subject in every:
        yield from ((rule, subject) for rule in rules if concerned(rule, subject))


def _one_each(wrappers: Sequence[Method]) -> list[Method]:
    """One of every kind, whatever is inside."""
    return list({type(wrapper): wrapper for wrapper in wrappers}.values())


def _test(
    every: Sequence[tuple[tuple[Rule, ...], Any]],
    *,
    by_method: bool = False,
    marks: Sequence[pytest.MarkDecorator] = (),
) -> Any:
    """One test function, parametrised over subjects (outer: fits are shared) and the rules that apply to them; None
    where there are none.
    """
    params = [
        pytest.param(
            rule,
            subject,
            id=f"{title(subject)}-{rule.__name__.removeprefix('check_')}",
            marks=[*marks, pytest.mark.xdist_group(_leaf(subject, by_method))],
        )
        for rules, subject in every
        for rule in rules
        if concerned(rule, subject)
    ]

    if not params:
        return None

    @pytest.mark.parametrize(("rule", "subject"), params)
    def test(self: Any, rule: Rule, subject: Any) -> None:
        rule(subject)

    return test


def title(subject: Task | Method | Case) -> str:
    """What a test is about, in one word."""
    return str(subject).replace(" ", "_") if isinstance(subject, Case) else subject.name()


def _leaf(subject: Task | Method | Case, by_method: bool) -> str:
    """The task or the method to whose account a test goes."""
    if isinstance(subject, Case):
        subject = subject.method if by_method else subject.task
    return subject.name()

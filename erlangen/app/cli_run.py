"""`erlangen run TASK --method METHOD ...`: the settings of the task and of the method are the flags."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from .. import registry
from ..core.errors import Invalid
from .cli_flags import Parser, add_flags, build, flags_of

USAGE = "erlangen run TASK --method METHOD [settings of both] [options]"
RESERVED = (
    *("method", "preset", "budget", "judging", "seed", "seeds", "wrap", "from", "out", "runs", "resume", "quiet"),
    *("debug", "help"),
)


def run(argv: list[str]) -> int:
    """Fit, judge, print the table; one run per seed."""
    names = _names(argv)
    if "-h" in argv or "--help" in argv:
        print(_help(*names))
        return 0
    task, method, args = question_and_answer(argv, *names)
    from ..contract import Budget
    from ..core.systems import Field
    from ..study import environment
    from ..study.run import over_seeds
    from ..study.run import run as fit_and_judge

    budget = Budget.parse(args.budget) if args.budget else None
    method.check(task)
    environment.prepare(fields=issubclass(task.container, Field))
    done = []
    for seed in range(args.seed, args.seed + args.seeds):
        options = {"budget": budget, "seed": seed, "runs": args.out, "resume": args.resume}
        options |= {"start": args.start, "judging": args.judging, "quiet": args.quiet}
        done.append(fit_and_judge(task, method, **options))
        print(done[-1].table(), flush=True)
    if len(done) > 1:
        print(f"\nOver {len(done)} seeds")
        print("\n".join(f"  {e.label or e.name}: {e}" for e in over_seeds(done)))
    print(f"\nKept in {done[-1].folder}.  A page to look at: erlangen report {' '.join(str(d.folder) for d in done)}")
    return 0


def _names(argv: Sequence[str]) -> tuple[str | None, str | None]:
    """The names of task and method on the command line, found before the flags that they bring are known."""
    method = next((b for a, b in zip(argv, argv[1:]) if a == "--method"), None)
    method = next((a.split("=", 1)[1] for a in argv if a.startswith("--method=")), method)
    words = [a for a in argv if not a.startswith("-")]
    tasks = {e.name for e in registry.entries("task")}
    return next((w for w in words if w in tasks), argv[0] if argv and argv[0] in words else None), method


def _parser() -> Parser:
    parser = Parser(prog="erlangen run", usage=USAGE, add_help=False)
    parser.add_argument("task", help="the question: erlangen list")
    parser.add_argument("--method", help="what answers it: erlangen show TASK names those that fit")
    parser.add_argument("--preset", help="settings of the method that its file names, for instance small")
    parser.add_argument("--budget", help="time or steps: 30s, 2m, 1h, 500steps (default: what the task suggests)")
    parser.add_argument("--judging", help="time for answering judged samples: 5m (default: a quarter of the budget)")
    parser.add_argument("--seed", type=int, default=0, help="of the fit (default 0)")
    parser.add_argument("--seeds", type=int, default=1, help="repeat with that many seeds and give the spread")
    wrap = {"action": "append", "default": []}
    known = ", ".join(e.name.replace("_", "-") for e in registry.entries("wrapper") if not e.problem)
    parser.add_argument("--wrap", **wrap, help=f"{known}; given twice, the first is inside")
    parser.add_argument("--from", dest="start", help="a run whose answer the fit begins from (fine-tuning, transfer)")
    parser.add_argument("--out", "--runs", default="runs", help="folder for runs (default: runs)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the same settings")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the table")
    return parser


def question_and_answer(
    argv: Sequence[str], name: str | None, answer: str | None
) -> tuple[Any, Any, argparse.Namespace]:
    """The task, the method (wrapped as asked) and the other options."""
    if name is None:
        do = "For instance: erlangen run continuum/burgers --method fno"
        raise Invalid(must="a task must be named", came="none", do=do)
    if answer is None:
        raise _no_method(name)
    task_class = registry.load_task(name)
    method_class = registry.load_method(answer)
    words = [w for i, a in enumerate(argv) if (w := _wrap_value(argv, i, a))]
    wrappers = [registry.load_wrapper(w) for text in words for w in text.split(",")]
    parser = _parser()
    flags = [*flags_of(task_class, "task"), *flags_of(method_class, "method")]
    add_flags(parser, flags, RESERVED)
    for cls in dict.fromkeys(wrappers):
        for field in dataclasses.fields(cls):
            if field.name != "method":
                dest, flag = f"{cls.name()}:{field.name}", f"--{cls.name()}-{field.name}".replace("_", "-")
                parser.add_argument(flag, dest=dest, default=argparse.SUPPRESS)
    args = parser.parse(argv)
    if args.seeds < 1:
        raise Invalid(must="--seeds must be at least 1", came=str(args.seeds), do="For instance: --seeds 3")
    given = vars(args)
    preset = registry.load_preset(answer, args.preset) if args.preset else None
    method = build(method_class, "method", given, start=preset)
    for cls in wrappers:
        method = build(cls, cls.name(), given, method=method)
    return build(task_class, "task", given), method, args


def _wrap_value(argv: Sequence[str], i: int, word: str) -> str | None:
    if word == "--wrap":
        return argv[i + 1] if i + 1 < len(argv) else None
    return word.removeprefix("--wrap=") if word.startswith("--wrap=") else None


def _no_method(task: str) -> Invalid:
    from ..study.matching import fitting_methods

    fitting = ", ".join(fitting_methods(task)) or "none"
    return Invalid(must="a run needs a method", came="no --method", do=f"Methods that answer {task}: {fitting}.")


def _help(task: str | None, method: str | None) -> str:
    """Options and, where task or method are named, their settings; read from source, nothing is imported."""
    lines = [f"usage: {USAGE}", "", "options"]
    for action in _parser()._actions:
        if action.option_strings and action.help:
            lines.append(f"  {action.option_strings[0]:<22}{action.help}")
    entries = {kind: registry.find(kind, name) for kind, name in (("task", task), ("method", method)) if name}
    every = [s.name for entry in entries.values() for s in entry.settings]
    for kind, entry in entries.items():
        lines += ["", f"settings of the {kind} {entry.name}", *_settings_help(entry, every)]
    if len(entries) < 2:
        lines += ["", "With TASK and --method METHOD named, --help lists their settings too. See: erlangen list"]
    return "\n".join(lines)


def _settings_help(entry: registry.Entry, every: Sequence[str], reserved: Sequence[str] = RESERVED) -> Iterator[str]:
    """One line per setting; a name that the other side or an option also has is shown with its owner."""
    for s in entry.settings:
        owner = f"{entry.kind}." if s.name in reserved or every.count(s.name) > 1 else ""
        default = "" if s.default is None else f"(default {s.default})"
        choices = s.annotation.removeprefix("Literal[").rstrip("]") if s.annotation.startswith("Literal[") else ""
        told = " ".join(filter(None, [default, choices and f"one of {choices}", s.comment]))
        yield f"  --{owner}{s.name.replace('_', '-'):<{20 - len(owner)}}{told}".rstrip()
    if not entry.settings:
        yield "  none"
    if entry.presets:
        yield f"  {'--preset':<22}one of {', '.join(entry.presets)}: other values of these settings"

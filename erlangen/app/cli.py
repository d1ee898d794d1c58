"""The command line: `erlangen VERB ...`. Each verb is one function, imported only when it is called.

Bad input ends in one message and exit code 2 (a traceback only with --debug); Ctrl-C ends in exit code 130.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings

from ..core.errors import Invalid, unknown

VERBS = {
    "list": ("what runs; with --all also what is planned, with --runs your runs", "cli_show:list_map"),
    "show": ("one task, method or leaf: question, settings, symmetry, who answers it", "cli_show:show"),
    "run": ("fit a method to a task, judge it, keep the record", "cli_run:run"),
    "judge": ("judge the answer of a run again: one that was only fitted, or on more samples", "cli_study:judge"),
    "compare": ("tasks x methods x seeds, with groups that differ significantly", "cli_study:compare"),
    "solve": ("solve a problem by the task's reference solver: file, picture, film", "cli_solve:solve"),
    "predict": ("apply a trained answer to a file of yours", "cli_study:predict"),
    "relax": ("relax structures on a law or a trained run: atoms, or atoms and cell", "cli_atoms:relax"),
    "md": ("molecular dynamics on a law or a trained run: trajectory, monitors, restart", "cli_atoms:md"),
    "phonons": (
        "how a crystal vibrates, on a law or a trained run: dispersion, heat capacity",
        "cli_atoms:phonons",
    ),
    "elastic": ("elastic constants of a crystal, with its atoms relaxed", "cli_atoms:elastic"),
    "diffract": (
        "powder pattern of a crystal; or which crystals of a library are in a pattern",
        "cli_diffract:diffract",
    ),
    "report": ("one self-contained HTML page of one or several runs", "cli_study:report"),
    "lesson": ("lessons on the leaves and the theory: list, run, take as a notebook", "cli_lesson:lesson"),
    "serve": ("the map in the browser: see, run, compare, predict", "cli_portal:serve"),
    "export": ("the same pages as files, for a host or a USB stick", "cli_portal:export"),
    "data": ("the data cache: info, fetch, verify, clear", "cli_data:data"),
    "board": ("which leaves are open: the records that ship, their bars and commands", "cli_board:board"),
    "check": ("the contract suite on a task or a method, yours or ours; the map", "cli_check:check"),
    "doctor": ("what is installed, which device, what is missing", "doctor:doctor"),
    "tour": ("one problem of each scale, trained and judged, with a page at the end", "cli_study:tour"),
}
HINTS = {  # after Ctrl-C
    "run": " The same command with --resume goes on from the last checkpoint.",
    "md": " The same command goes on from the last block.",
}
HELP = ("-h", "--help", "help")


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.showwarning = _tell
            return _dispatch(argv)
    except Invalid as error:
        if debug:
            raise
        print(f"erlangen: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if debug:
            raise
        hint = HINTS.get(argv[0] if argv else "", "")
        print(f"\nerlangen: stopped.{hint}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) went away; Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _tell(message: Warning | str, *_: object, **__: object) -> None:
    """A warning as one line, without the source line that raised it."""
    print(f"  {message}", file=sys.stderr)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in HELP:
        print(usage())
        return 0
    if argv[0] in ("-V", "--version"):
        from .. import __version__

        print(f"erlangen {__version__}")
        return 0
    if argv[0] not in VERBS:
        raise unknown("command", argv[0], VERBS)
    module, function = VERBS[argv[0]][1].split(":")
    handler = getattr(importlib.import_module(f".{module}", __package__), function)
    return handler(argv[1:]) or 0


def usage() -> str:
    """The overview of all commands."""
    rows = "\n".join(f"  {verb:<9} {summary}" for verb, (summary, _) in VERBS.items())
    return f"""erlangen: the map of AI for science, runnable

usage: erlangen COMMAND ...      (erlangen COMMAND --help for its options)

{rows}

for instance
  erlangen list
  erlangen run continuum/burgers --method fno --budget 2m
  erlangen solve continuum/kolmogorov --viscosity 0.005 --out flow.nc --animation flow.gif
  erlangen run molecules/forces --method painn --data mine.extxyz --wrap conformal

Every command takes --debug (full traceback). Tasks and methods of your own: name their folder in ERLANGEN_PATH."""


if __name__ == "__main__":
    sys.exit(main())

"""erlangen: the map of AI for science, runnable.

    import erlangen
    run = erlangen.run("continuum/burgers", "fno", budget="2m", seed=0)     # fit, judge, keep the record
    step = run.fitted                                                       # a pure function of one sample
    again = erlangen.load(run.folder)
    atoms.calc = erlangen.calculator("runs/...")                            # a run of atoms, for everything in ASE

Nothing is imported, configured or written until a name is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "Conformal",
    "Ensemble",
    "Record",
    "Run",
    "__version__",
    "calculator",
    "load",
    "load_method",
    "load_task",
    "report",
    "run",
]

if TYPE_CHECKING:
    from .app.calculator import calculator
    from .app.report import report
    from .methods.wrappers.conformal import Conformal
    from .methods.wrappers.ensemble import Ensemble
    from .registry import load_method, load_task
    from .study.record import Record
    from .study.run import Run, load, run

PLACES = {
    "Conformal": "methods.wrappers.conformal",
    "Ensemble": "methods.wrappers.ensemble",
    "Record": "study.record",
    "Run": "study.run",
    "calculator": "app.calculator",
    "load": "study.run",
    "load_method": "registry",
    "load_task": "registry",
    "report": "app.report",
    "run": "study.run",
}


def __getattr__(name: str) -> Any:
    if name in PLACES:
        return getattr(importlib.import_module(f".{PLACES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PLACES})

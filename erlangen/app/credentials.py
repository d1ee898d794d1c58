"""What stands behind a derived figure: the law, the weights, or the run with its error and its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .surfaces import identity, is_universal


def credentials(law: str | None, model: str | None) -> dict[str, Any]:
    """Plain values, for files that hold what was derived."""
    if law is not None:
        return {"law": law}
    if is_universal(str(model)):
        return {"weights": Path(str(model)).name, "sha256": identity(None, model)}
    from ..assess.symmetry import guilty
    from ..study.run import load

    record = load(str(model)).record
    first = record.scores[0] if record.scores else None
    return {
        "run": record.run,
        "method": record.method,
        "task": record.task,
        "score": None if first is None else f"{first.label or first.name} {first.value:.3g} {first.unit}",
        "symmetries": len(record.symmetry),
        "broken": [f"{row.group} of {row.output}" for row in guilty(record.symmetry)],
    }


def line(found: dict[str, Any]) -> str:
    """One line for the terminal."""
    if "law" in found:
        return f"potential: the law {found['law']}"
    if "weights" in found:
        return f"potential: weights {found['weights']}, sha256 {found['sha256'][:12]}"
    held = f"{found['symmetries']} audited symmetries hold"
    certificate = f"BREAKS {', '.join(found['broken'])}" if found["broken"] else held
    return f"potential: {found['run']}, {found['method']}; {found['score'] or 'not judged'}; {certificate}"

"""Checkpoints without pickle: safetensors for the arrays, JSON for all else, one file, written whole or not at all.

`save_fitted`/`load_fitted` keep an answer so that it can be rebuilt from nothing but the file: the structure (classes
of modules, their static fields) goes into the JSON header. `save_state`/`load_state` keep the leaves of a state whose
structure the reader already has: the exact resume of a fit. Both carry a digest; a damaged file is detected and set
aside.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core.errors import Invalid
from ..numerics.precision import double

FITTED = "fitted.safetensors"
STATE = "state.safetensors"


def save_fitted(folder: str | Path, fitted: Any) -> Path:
    """Write `fitted` (any tree of modules, dataclasses, containers, arrays and JSON values) into `folder`."""
    arrays: dict[str, np.ndarray] = {}
    structure = _encode(fitted, "", arrays)
    return _write(Path(folder) / FITTED, arrays, {"structure": structure})


def load_fitted(folder: str | Path) -> Any:
    """The answer that `save_fitted` wrote. Classes of plug-ins must have been imported before (load the method
    first).
    """
    path = Path(folder) / FITTED
    if not path.exists():
        raise Invalid(
            must=f"a finished run holds {FITTED}",
            came=f"none in {folder}",
            do="Let the run end, or resume it: --resume.",
        )
    arrays, meta = _read(path)
    try:
        with double():
            return _decode(meta["structure"], {name: jnp.asarray(array) for name, array in arrays.items()})
    except Invalid:
        raise
    except Exception as error:  # text of a file, which may say anything
        raise _broken(path, error) from error


def save_state(folder: str | Path, state: Any, meta: dict[str, Any]) -> Path:
    """Write the array leaves of `state` and the JSON-able `meta`."""
    leaves = {f"{i:05d}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    return _write(Path(folder) / STATE, leaves, {"meta": meta})


def load_state(folder: str | Path, like: Any) -> tuple[Any, dict[str, Any]] | None:
    """(state, meta) as saved, in the structure of `like`; None where there is none or it was damaged (then set
    aside).
    """
    path = Path(folder) / STATE
    if not path.exists():
        return None
    try:
        arrays, meta = _read(path)
    except Invalid:
        path.replace(path.with_suffix(".damaged"))
        return None
    leaves, structure = jax.tree.flatten(like)
    if len(leaves) != len(arrays):
        raise Invalid(
            must="a checkpoint continues the same fit",
            came=f"{len(arrays)} arrays for {len(leaves)}",
            do="Start anew without --resume.",
        )
    found = [_like(arrays[f"{i:05d}"], leaf) for i, leaf in enumerate(leaves)]
    return jax.tree.unflatten(structure, found), meta["meta"]


def _like(array: np.ndarray, leaf: Any) -> Any:
    if not hasattr(leaf, "dtype"):
        return type(leaf)(array)
    if array.shape != leaf.shape:
        raise Invalid(
            must="a checkpoint continues the same fit",
            came=f"shape {array.shape} for {leaf.shape}",
            do="Start anew without --resume.",
        )
    return array.astype(leaf.dtype)


def _encode(node: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(node, (jax.Array, np.ndarray)):
        arrays[path] = np.asarray(node)
        return {"array": path}
    if isinstance(node, np.generic):
        node = node.item()
    if node is None or isinstance(node, (bool, int, float, str)):
        return node
    if isinstance(node, (tuple, list)):
        return {type(node).__name__: [_encode(v, f"{path}.{i}", arrays) for i, v in enumerate(node)]}
    if isinstance(node, dict):
        return {"dict": {k: _encode(v, f"{path}.{k}", arrays) for k, v in node.items()}}
    if dataclasses.is_dataclass(node):
        kind = type(node)
        fields = {f.name: _encode(getattr(node, f.name), f"{path}.{f.name}", arrays) for f in dataclasses.fields(node)}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}
    raise TypeError(
        f"{path or 'the answer'} holds a {type(node).__name__}, which a checkpoint cannot keep; "
        "make it an array or a JSON value"
    )


def _decode(node: Any, arrays: Mapping[str, jax.Array], is_constant: bool = False) -> Any:
    """What `_encode` wrote; arrays of dataclasses that are no modules are constants, which no compiled code traces."""
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return np.asarray(arrays[node["array"]]) if is_constant else arrays[node["array"]]
    if "tuple" in node:
        return tuple(_decode(v, arrays, is_constant) for v in node["tuple"])
    if "list" in node:
        return [_decode(v, arrays, is_constant) for v in node["list"]]
    if "dict" in node:
        return {k: _decode(v, arrays, is_constant) for k, v in node["dict"].items()}
    made = object.__new__(_trusted(node["class"]))
    for name, value in node["fields"].items():
        object.__setattr__(made, name, _decode(value, arrays, not isinstance(made, eqx.Module)))
    return made


def _trusted(name: str) -> type:
    """The dataclass called `module:qualname`; only erlangen's own modules are imported, others must be there
    already.
    """
    module, _, qualname = name.partition(":")
    if module.split(".")[0] != "erlangen" and module not in sys.modules:
        raise Invalid(
            must="the code of a plug-in is loaded before its checkpoint",
            came=name,
            do="Set ERLANGEN_PATH or install the plug-in.",
        )
    try:
        kind = getattr(importlib.import_module(module), qualname)
    except (ImportError, AttributeError):
        kind = None
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise Invalid(
            must="a checkpoint names classes of this version",
            came=name,
            do="Run again, or use the version named in record.json.",
        )
    return kind


def _write(path: Path, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> Path:
    from safetensors.numpy import save

    complex_names = sorted(k for k, v in arrays.items() if np.iscomplexobj(v))
    plain = {k: np.asarray(_as_real(v), order="C") for k, v in arrays.items()}
    header = {**meta, "complex": complex_names, "digest": _digest(plain)}
    header["seal"] = _seal(header)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(save(plain, metadata={"erlangen": json.dumps(header)}))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Invalid(
            must="the run folder can be written", came=str(error), do="Free space, or choose another folder: --out DIR"
        ) from None
    return path


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        if not path.is_file():
            raise OSError(f"{path} is no file")
        with safe_open(path, framework="np") as file:
            meta = json.loads(file.metadata()["erlangen"])
            plain = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  # not a dict
        if meta["digest"] != _digest(plain) or meta.get("seal", _seal(meta)) != _seal(meta):
            raise ValueError("digest differs")
        for name in meta["complex"]:
            plain[name] = plain[name][..., 0] + 1j * plain[name][..., 1]
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _broken(path, error) from None
    return plain, meta


def _broken(path: Path, error: Exception) -> Invalid:
    return Invalid(
        must=f"{path.name} is whole",
        came=f"{type(error).__name__}: {error}",
        do="Run again (or --resume, from the last good checkpoint).",
    )


def _seal(header: Mapping[str, Any]) -> str:
    """SHA-256 of all that the header says but this; fits before erlangen had it carry none."""
    plain = {name: value for name, value in header.items() if name != "seal"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _as_real(array: np.ndarray) -> np.ndarray:
    return np.stack([np.real(array), np.imag(array)], axis=-1) if np.iscomplexobj(array) else array


def _digest(arrays: dict[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(name.encode() + str(arrays[name].dtype).encode() + str(arrays[name].shape).encode())
        total.update(arrays[name].tobytes())
    return total.hexdigest()

"""Damage to files, the same for the same random numbers.

mutated(raw, rng, others) -> bytes        one to four of: flips, cuts, copies, numbers, words, lines, brackets, splices
damage_arrays(arrays, rng) -> arrays      types, shapes and values that no program would write
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[^\s,;|:=\"']+")
NUMBERS = (
    *(b"0", b"-1", b"1", b"2", b"1e308", b"-1e308", b"1e-320", b"nan", b"inf", b"-inf", b"999999999", b"1e10", b"0x10"),
    *(
        b"99999999999999999999",
        b"9" * 400,
        b"9" * 5000,
        b"1.5.2",
        b"1e999",
        b"--1",
        b"",
        b"x",
        b"1d3",
        b"\xc2\xb2",
        b"3.0",
    ),
)
WORDS = (
    *(
        b"",
        b"X",
        b"?",
        b".",
        b"-",
        b"None",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'"',
        b"'",
        b"#",
        b"%s",
        b"\\",
        b"\0",
        b"=",
    ),
    *(b"energy", b"forces", b'stress="1 2"', b'pbc="T T"', b'Lattice="0 0 0"', b"units=parsec", b"species:S:1"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", "Ã\u2028é".encode(), b"A" * 3000, b"../../etc", b"__class__"),
)
PAIRS = {b"(": b"[", b"[": b"{", b"{": b"(", b",": b";", b":": b",", b";": b"\t", b'"': b"'", b"\n": b"\r", b" ": b"\t"}

Damage = Callable[[bytes, random.Random], bytes]


def _flip(raw: bytes, rng: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _overwrite(raw: bytes, rng: random.Random) -> bytes:
    out = bytearray(raw)
    at, n = rng.randrange(len(out)), rng.choice((1, 2, 4, 8))
    out[at : at + n] = rng.choice((b"\0" * n, b"\xff" * n, b"\x7f" * n, b"\n" * n, b" " * n, rng.randbytes(n)))
    return bytes(out)


def _slice(raw: bytes, rng: random.Random) -> tuple[int, int]:
    at = rng.randrange(len(raw))
    return at, min(len(raw), at + rng.choice((1, 2, 8, 64, 512, len(raw))))


def _cut(raw: bytes, rng: random.Random) -> bytes:
    at, end = _slice(raw, rng)
    return rng.choice((raw[:at], raw[at:], raw[:at] + raw[end:]))


def _copy(raw: bytes, rng: random.Random) -> bytes:
    (at, end), place = _slice(raw, rng), rng.randrange(len(raw))
    return raw[:place] + raw[at:end] * rng.choice((1, 1, 2, 10, 100)) + raw[place:]


def _swap(raw: bytes, rng: random.Random) -> bytes:
    a, b, c = sorted(rng.randrange(len(raw)) for _ in range(3))
    return raw[:a] + raw[b:c] + raw[a:b] + raw[c:]


def _token(raw: bytes, rng: random.Random, pattern: re.Pattern[bytes], values: Sequence[bytes]) -> bytes:
    found = [m.span() for m in pattern.finditer(raw[:20_000])]
    if not found:
        return _flip(raw, rng)
    if rng.random() < 0.2:  # all of them
        value = rng.choice(values)
        return pattern.sub(lambda _: value, raw)
    at, end = rng.choice(found)
    value = rng.choice((*values, raw[slice(*rng.choice(found))]))
    return raw[:at] + value + raw[end:]


def _number(raw: bytes, rng: random.Random) -> bytes:
    return _token(raw, rng, NUMBER, NUMBERS)


def _word(raw: bytes, rng: random.Random) -> bytes:
    return _token(raw, rng, WORD, WORDS)


def _lines(raw: bytes, rng: random.Random) -> bytes:
    lines = raw.split(b"\n")
    at = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, lines[rng.randrange(len(lines))])
    elif what == 2:
        lines[at:] = rng.sample(lines[at:], len(lines) - at)
    elif what == 3:
        lines[at] = b" ".join([lines[at]] * 50)
    else:
        return rng.choice((b"\r", b"\r\n", b"\n\n", b"\x0c", b"\xe2\x80\xa8")).join(lines)
    return b"\n".join(lines)


def _brackets(raw: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        at, deep = rng.randrange(len(raw)), rng.choice((10, 2000))
        left, right = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"-", b"")))
        return raw[:at] + left * deep + raw[at : at + 1] + right * deep + raw[at + 1 :]
    old, new = rng.choice(list(PAIRS.items()))
    if rng.random() < 0.5 or old not in raw:
        return raw.replace(old, new)
    places = [i for i in range(len(raw)) if raw[i : i + 1] == old]
    at = rng.choice(places)
    return raw[:at] + new + raw[at + 1 :]


DAMAGES: tuple[Damage, ...] = (_flip, _overwrite, _cut, _copy, _swap, _number, _number, _word, _word, _lines, _brackets)


def mutated(raw: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """A damaged copy; one in twelve ends like another file."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not raw:
            return raw
        raw = rng.choice(DAMAGES)(raw, rng)[: 4 << 20]
    if others and raw and rng.random() < 1 / 12:
        other = rng.choice(others)
        raw = raw[: rng.randrange(len(raw))] + other[rng.randrange(len(other) + 1) :]
    return raw


def damage_arrays(arrays: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Named arrays of which one or two have another type, shape, value or name, or are gone or doubled."""
    out = dict(arrays)
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(sorted(out))
        value = np.atleast_1d(out[name])
        what = rng.randrange(8)
        if what == 0 and value.dtype.kind in "iuf":
            out[name] = value.astype(rng.choice(("f2", "i1", "u8", "c8", "?", "S3", ">f8", "U4")))
        elif what == 1:
            out[name] = value.reshape(-1)[: rng.choice((0, 1, 2, 3))]
        elif what == 2:
            out[name] = np.full(value.shape, rng.choice((np.nan, np.inf, 1e308, -1e308, 0.0)))
        elif what == 3:
            out[name] = np.moveaxis(value, 0, -1)[..., None]
        elif what == 4:
            out[rng.choice(("x", "y", "time", "sample", "u", "a/b", " ", "é", "units", "dimensions"))] = out.pop(name)
        elif what == 5 and value.size:
            out[name] = value.reshape(-1)[0]
        elif what == 6:
            out[f"{name}_2"] = value
        elif len(out) > 1 and rng.random() < 0.5:
            del out[name]
        else:
            out[name] = value[::-1]
    return out

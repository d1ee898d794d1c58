"""Files of one's own: where they are, what their labels are called, in which units, and what they hold.

    frames.xyz:energy=REF_energy:forces=REF_forces:units=hartree+hartree/bohr:pbc=no:group=config_type

is one `Source`, wherever a file can be named (--data, --test, --judged-on, predict). The words units, pbc (yes or no),
group (what belongs together when samples are divided) and split (random or time: `data.partition`) mean the same for
every file; any other word is a label, or a coordinate of a field, and its name in the file. Several sources are joined
by commas, several units or names within one by +.

What a run depends on is not where a file lies or when it was changed, but its `digest`: SHA-256 of all that is read.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import Invalid, unknown
from .limits import check_folder, check_plain

WORD = re.compile(r":(\w+)=([^:]*)")
SAID = {"yes": True, "true": True, "no": False, "false": False}
DIVISIONS = ("random", "time")
SETTLED = 2e9  # ns: a file younger than that may be written again without a change of its times


@dataclasses.dataclass(frozen=True)
class Source:
    """One file, or a folder that is read as one. keys: label -> name in the file. beside: further files of the same
    folder that are read with it, where they are there. "" and None: nothing is said, the file or its reader decides.
    """

    path: Path
    keys: tuple[tuple[str, str], ...] = ()
    units: str = ""
    pbc: bool | None = None
    group: str = ""
    split: str = ""
    beside: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | os.PathLike[str] | Source, *, beside: tuple[str, ...] = ()) -> Source:
        """A path and what is said behind it; an existing path with colons in it is one."""
        if isinstance(text, Source):
            return text
        name = os.fspath(text)
        match = WORD.search(name)
        if match is None or os.path.exists(name):
            return cls(Path(name), beside=beside)
        said = WORD.findall(name[match.start() :])
        words = [word for word, _ in said]
        if WORD.sub("", name[match.start() :]) or not all(value for _, value in said) or len(set(words)) < len(words):
            raise Invalid(
                must="arguments behind a file are :name=value, one after the other, each name once",
                came=repr(name),
                do="For instance: frames.xyz:energy=REF_energy:units=kcal/mol:pbc=no",
            )
        given = dict(said)
        units, group, split = (given.pop(word, "") for word in ("units", "group", "split"))
        if split and (split not in DIVISIONS or group):
            came = f"split={split}{f' beside group={group}' * bool(group)} in {name!r}"
            raise Invalid(must="split is random or time, or a group is named instead", came=came, do="Leave it out.")
        pbc = _yes_or_no(given.pop("pbc"), name) if "pbc" in given else None
        path = Path(name[: match.start()])
        return cls(path, tuple(given.items()), units.replace("+", ","), pbc, group, split, beside)

    @classmethod
    def several(cls, text: str) -> tuple[Source, ...]:
        """Sources joined by commas."""
        parts = [text] if os.path.exists(text) else text.split(",")
        return tuple(cls.parse(part.strip()) for part in parts if part.strip())

    def __str__(self) -> str:
        pbc = {None: "", True: "yes", False: "no"}[self.pbc]
        said = {"units": self.units.replace(",", "+"), "pbc": pbc, "group": self.group, "split": self.split}
        return str(self.path) + _behind({**dict(self.keys), **said})

    def filled(self, units: str | None, keys: Mapping[str, str] | None, pbc: bool | None) -> Source:
        """The same with what else is known; what is said behind the file stands."""
        more = {**(keys or {}), **dict(self.keys)}
        pbc = pbc if self.pbc is None else self.pbc
        return dataclasses.replace(self, keys=tuple(more.items()), units=self.units or units or "", pbc=pbc)

    def only(self, *known: str) -> Source:
        """The same; refuses words behind the file that its reader has no use for."""
        said = {**dict(self.keys), "units": self.units, "pbc": self.pbc, "group": self.group, "split": self.split}
        for word, value in said.items():
            if value not in ("", None) and word not in known:
                raise unknown(f"a word behind {self.path}", word, known)
        return self

    def required(self) -> Source:
        """The same; refuses a path where nothing is, with the nearest names of its folder, and devices."""
        if not self.path.exists():
            there = os.listdir(self.path.parent) if self.path.parent.is_dir() else []
            near = difflib.get_close_matches(self.path.name, there, n=3, cutoff=0.6)
            do = f"Did you mean: {', '.join(near)}?" if near else "Check the path."
            raise Invalid(must="the file exists", came=f"no file {self.path}", do=do)
        check_plain(self.path)
        return self

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is read: the file, or every file of the folder, and those beside it that are there."""
        folder = self.path if self.path.is_dir() else self.path.parent
        more = tuple(file for name in self.beside if (file := folder / name).is_file() and file != self.path)
        if self.path.is_dir():
            check_folder(self.path)
            return tuple(sorted(file for file in self.path.rglob("*") if file.is_file()))
        return (self.required().path, *more)

    @property
    def digest(self) -> str:
        """SHA-256 of the file; of a folder or of several files, of the list of their names and SHA-256."""
        return _digest(self.files, self.path)

    @property
    def content(self) -> str:
        """The source without its place: equal for equal bytes read in the same way."""
        return f"sha256:{self.digest}{str(self).removeprefix(str(self.path))}"

    def taken(self) -> dict[str, Any]:
        """What was taken, for the record."""
        files = self.files
        size = sum(file.stat().st_size for file in files)
        return {"source": str(self), "content": self.content, "files": len(files), "bytes": size}


def contents(sources: Iterable[Source]) -> list[str]:
    """`content` of each, in order: what labels from these files depend on."""
    return [source.content for source in sources]


def located(value: str, named: Mapping[str, str]) -> str:
    """A setting that names files, with their content in place of where they lie. named: source as text -> content."""
    if _written(value) in named:
        return named[_written(value)]
    parts = [part.strip() for part in value.split(",")]
    found = [named.get(_written(part), part) for part in parts]
    return ",".join(found) if found != parts else value


def _written(text: str) -> str:
    """The one way to write a source: ./a.xyz is a.xyz, and words have an order."""
    try:
        return str(Source.parse(text.strip()))
    except Invalid:  # some other setting
        return text


def _behind(said: Mapping[str, str]) -> str:
    return "".join(f":{word}={value}" for word, value in said.items() if value)


def _yes_or_no(value: str, name: str) -> bool:
    if value.lower() not in SAID:
        raise Invalid(must="pbc is yes or no", came=f"pbc={value} in {name!r}", do="Write :pbc=no behind the file.")
    return SAID[value.lower()]


def _digest(files: tuple[Path, ...], root: Path) -> str:
    seen = [(file, file.stat()) for file in files]
    stamp = tuple((str(file), s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for file, s in seen)
    newest = max((max(s.st_mtime_ns, s.st_ctime_ns) for _, s in seen), default=0)
    is_settled = time.time_ns() - newest > SETTLED
    return (_digest_of if is_settled else _digest_of.__wrapped__)(stamp, str(root))


@functools.lru_cache(maxsize=64)
def _digest_of(stamp: tuple[tuple[str, int, int, int, int], ...], root: str) -> str:
    sums = []
    for name, *_ in stamp:
        try:
            with open(name, "rb") as file:
                sums.append((os.path.relpath(name, root), hashlib.file_digest(file, "sha256").hexdigest()))
        except OSError as error:
            raise Invalid(
                must="the file can be read", came=f"{name}: {error.strerror}", do="Check its permissions."
            ) from None
    if len(sums) == 1 and sums[0][0] == ".":
        return sums[0][1]
    return hashlib.sha256("\n".join(f"{one}  {name}" for name, one in sums).encode()).hexdigest()

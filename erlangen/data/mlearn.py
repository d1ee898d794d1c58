"""mlearn: density functional theory of six elemental crystals, as a training and a test set that share nothing.

    mlearn("Si", folder="") -> FrameSet

Strained cells, surfaces, vacancies and dynamics of Si, Ge, Li, Mo, Ni, Cu in PBE: 214 to 263 frames for training, 23 to
31 for the test. Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723. The training data of Ni and Cu are those that ALIGNN
ships; their authors appended the test, twice (`data.frame_lists` cuts it). Some frames that are left equal one of the
test, or are its mirror image: what is nearer than 3e-3 A is left out of training as well.
"""

from __future__ import annotations

from pathlib import Path

from ..core.errors import Invalid, unknown
from .downloads import fetch
from .frame_sets import FrameSet

TRAINING = {
    "Si": "training.json",
    "Ge": "training.json",
    "Li": "training.json",
    "Mo": "training.json",
    "Ni": "id_prop.json",
    "Cu": "id_prop.json",
}
TEST = "test.json"
SAME = 3e-3  # A, root mean square of interatomic distances; two strains that differ by 1 % are further apart
OTHER_NAMES = ("", "alignn_")
PACKED = ("", ".xz", ".gz", ".bz2")


def mlearn(element: str, folder: str = "") -> FrameSet:
    """The set of an element: downloaded, else from a folder that holds its two files, packed or not."""
    if element not in TRAINING:
        raise unknown("an element of mlearn", element, TRAINING)
    names = (TRAINING[element], TEST)
    if folder:
        files = [_found(Path(folder), name) for name in names]
    else:
        fetched = fetch(f"mlearn-{element.lower()}", names)
        files = [fetched[name] for name in names]
    return FrameSet(str(files[0]), str(files[1]), apart=SAME)


def _found(folder: Path, name: str) -> Path:
    for start in OTHER_NAMES:
        for end in PACKED:
            if (path := folder / f"{start}{name}{end}").is_file():
                return path
    raise Invalid(
        must=f"the folder of one element of mlearn holds {name}, packed or not",
        came=str(folder),
        do="Give that folder, or leave data out: the set is then downloaded.",
    )

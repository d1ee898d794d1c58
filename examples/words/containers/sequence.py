"""Sequences in text files, a word a line."""

import numpy as np

from erlangen.core.errors import Invalid
from erlangen.core.systems import System
from erlangen.data.containers import Contents

LETTERS = "ACGT"


class Sequence(System):
    """tokens [residues]: numbers of letters."""

    tokens: np.ndarray

    @property
    def sizes(self):
        return {"residues": np.shape(self.tokens)}


def read(source, scope):
    """The words of a file."""
    words = source.path.read_text().split()
    tokens = [np.array([LETTERS.index(letter) for letter in word], np.int32) for word in words]
    return Contents([Sequence(row) for row in tokens], source=words)


def write(path, contents, values, scope):
    """Each word with the weight that was predicted."""
    lines = [f"{word} {float(v['predicted_weight']):.4f}" for word, v in zip(contents.source, values)]
    path.write_text("\n".join(lines))


def describe(inputs):
    """What the record keeps: how long words are."""
    return {"length": len(inputs[0].tokens)}


def accepts(inputs, scope, where):
    """Words of the length that was trained on."""
    for line, x in enumerate(inputs, 1):
        if len(x.tokens) != scope.data["length"]:
            raise Invalid(must=f"words have {scope.data['length']} letters", came=f"{where}, line {line}", do="Cut it.")
    return inputs

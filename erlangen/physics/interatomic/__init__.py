"""Laws of interaction between atoms that are known in closed form: pair potentials, many-body metals, covalent solids."""

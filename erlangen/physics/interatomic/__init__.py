"""Laws of interaction between atoms in closed form: pair potentials, many-body metals, covalent solids."""

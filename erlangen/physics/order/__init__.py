"""What stands around an atom, and what is left of order where nothing repeats."""

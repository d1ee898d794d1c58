"""Laws, and the solvers that make truth: spins on lattices, molecules and crystals, waves and fluids."""

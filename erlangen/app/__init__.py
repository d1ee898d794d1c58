"""What people use: command line, reports, ASE calculator, tour."""

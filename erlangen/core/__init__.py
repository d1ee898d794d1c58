"""What everything is said in: quantities, groups and how they act, containers, irreps, errors."""

"""erlangen: the map of AI for science, runnable."""

__version__ = "0.1.0"

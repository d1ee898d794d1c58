"""Answers, one file each: ``methods/<family>/<method>.py`` is the method ``<method>``."""

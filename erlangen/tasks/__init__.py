"""Questions, one file each: ``tasks/<area>/<task>.py`` is the task ``<area>/<task>``."""

"""What makes pages of the documentation that nobody writes by hand; `docs/build.py` calls it."""

"""Measured comparisons. Run them with `./run bench`; they are no tests and prove no promise."""

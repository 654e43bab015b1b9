"""Measured comparisons: `planecast bench`. They are no tests and prove no promise."""

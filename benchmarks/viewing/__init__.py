"""The parts of `benchmarks/viewer.py`."""

PARTS = ("open", "save", "register", "stall", "look", "starts")
"""What can be measured by itself."""

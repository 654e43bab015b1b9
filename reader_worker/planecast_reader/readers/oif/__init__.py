"""Olympus OIB and OIF."""

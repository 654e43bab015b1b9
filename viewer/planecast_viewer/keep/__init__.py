"""Keeping what is shown: pictures, stacks and movies, written beside the GUI thread."""

"""Looks over this machine: what would keep planecast from working, and the way out.

Each module looks at one thing and yields findings; `examination.py` has the list.
"""

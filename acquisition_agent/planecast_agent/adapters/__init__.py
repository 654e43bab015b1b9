"""What stands between control programs that exist already and planecast: one module each.

Each is imported by its full name, so that a controller loads nothing that it does not use.
"""

"""Keeps PySide6 from reading the source of every module that is loaded after it: 0.1 s of a start.

It looks for its own name there, to know in which modules `from __feature__ import snake_case` would
have a say. Nobody says that here.
"""

import sys

FEATURES = "shibokensupport.feature"


def leave_sources_unread() -> None:
    """Have it take modules as those that don't use it; another PySide6 may go on reading."""
    import PySide6.QtCore  # noqa: F401  it brings the module about

    features = sys.modules.get(FEATURES)
    if hasattr(features, "_mod_uses_pyside"):
        setattr(features, "_mod_uses_pyside", _does_not)  # noqa: B010  not meant to be set


def _does_not(_module: object) -> bool:
    return False

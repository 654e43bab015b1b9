"""Leaves ndv's contrast sliders alone where they are right already.

ndv sets them for every plane, and superqt then lays out their labels anew and paints them: more
work than the rest of a picture.
"""

from typing import Any


def spare_slider(view: Any) -> None:
    """Have the row of a channel (ndv's `QLUTView`) take only limits that differ. GUI thread."""
    if "set_clims" in vars(view):
        return
    slider, set_clims = view.frontend_widget().clims, view.set_clims

    def set_other_clims(clims: tuple[float, float]) -> None:
        # Asked of the slider itself: a person may have moved it.
        if tuple(slider.value()) != tuple(clims):
            set_clims(clims)

    view.set_clims = set_other_clims

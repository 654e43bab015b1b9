"""The one `ArrayViewer` of the process, and all that touches ndv beyond its public names."""

import math
import os
from collections.abc import Hashable
from typing import Any

import ndv
import numpy as np
import numpy.typing as npt
from ndv._types import MouseMoveEvent
from ndv.models import ArrayViewerModel, LUTModel
from ndv.models._array_display_model import ChannelMode
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget
from superqt import QCollapsible

from planecast_protocol.planes import PlaneStatistics, Seen
from planecast_viewer.canvas import CanvasExtras, canvas_of
from planecast_viewer.canvas.compositing import Lut
from planecast_viewer.canvas.raster_handles import lut_of
from planecast_viewer.colormaps import offered
from planecast_viewer.colors import channel_color
from planecast_viewer.contrast import ChannelContrast
from planecast_viewer.facts import Facts
from planecast_viewer.frame import Frame, FramePlane
from planecast_viewer.instead import Instead
from planecast_viewer.looks import Looks
from planecast_viewer.steady_sliders import spare_slider
from planecast_viewer.under_cursor import Hover
from planecast_viewer.worker_statistics import install_worker_statistics
from planecast_viewer.wrapper import FrameWrapper

NOTHING: npt.NDArray[np.uint16] = np.zeros((1, 1), dtype=np.uint16)
ZOOM_STEP = 1.5
AUTO_TIP = "Contrast follows each plane; Panels › Display has more"

ChannelKey = int | str
"""ndv's name of a channel: its number, or `RGB`."""


class NdvView(QObject):
    """Draws frames and has a row of controls for each channel. GUI thread only.

    Creating and closing an `ArrayViewer` leaks 20 MB, so there is one, with one wrapper.
    """

    visibility_edited = Signal(tuple)
    """A person showed or hid a channel: one bool a channel."""
    hovered = Signal(object)
    """The `Hover` under the mouse; `None`: it has left."""
    luts_changed = Signal()
    """Values become other colours; once for each part of it."""

    def __init__(self, looks: Looks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._looks = looks
        self._facts: Facts | None = None
        self._contrasts: dict[ChannelKey, ChannelContrast] = {}
        self._n_rows = -1
        self._loading = False
        self._fit_wanted = False
        self._rgb: set[int] = set()
        """Channels whose planes are coloured."""
        self._hover_at: tuple[float, float] | None = None
        """The mouse on the canvas, in its pixels."""
        self._instead: Instead | None = None
        self._whole: dict[int, tuple[PlaneStatistics, np.dtype[Any]]] = {}
        """Of more than a plane, where more is shown: automatic contrast is made of it."""
        self.wrapper = FrameWrapper()
        install_worker_statistics(self.wrapper.statistics_of)
        self._viewer = self._new_viewer()
        self.canvas: CanvasExtras = canvas_of(self._viewer)
        self.widget: QWidget = self._viewer.widget()
        self.canvas.mouseMoved.connect(self._on_mouse_moved)
        self.canvas.mouseLeft.connect(self._on_mouse_left)
        # Other planes, or another part of them, come under a mouse that rests.
        self.canvas.frame_shown.connect(self._tell_hover)
        looks.changed.connect(self._on_look_changed)
        looks.fix_wanted.connect(self._on_fix_wanted)

    def _new_viewer(self) -> ndv.ArrayViewer:
        options = ArrayViewerModel(default_luts=offered())
        # The spinner shows and hides a widget over the canvas twice a frame.
        options.events.show_progress_spinner.block()
        # `isel` never waits, so a frame goes to the canvas within one call, not by a pool of
        # threads: what is shown and what the sliders say change together.
        before = os.environ.get("NDV_SYNCHRONOUS")
        os.environ["NDV_SYNCHRONOUS"] = "1"
        try:
            viewer = ndv.ArrayViewer(
                self.wrapper,
                viewer_options=options,
                channel_axis="channel",
                channel_mode="composite",
                visible_axes=("y", "x"),
            )
        finally:
            del os.environ["NDV_SYNCHRONOUS"]
            if before is not None:
                os.environ["NDV_SYNCHRONOUS"] = before
        # Only now: ndv's buttons listen to changes and don't look at how the options began.
        options.show_3d_button = False
        options.show_channel_mode_selector = False
        options.show_reset_zoom_button = False
        # It names channels by number; `hovered` does so by name.
        viewer.widget().hover_info_label.hide()
        _highlight_numbers_only(viewer)
        # With its histogram ndv shows the rows of all channels that ever were.
        viewer._view.sharedHistogramRequested.connect(self._refresh_rows)  # noqa: SLF001
        for channels in viewer.widget().findChildren(QCollapsible):
            channels.setText("Channels")
        return viewer

    # ------------------------------------------------------------ what is shown

    @property
    def facts(self) -> Facts | None:
        """What is shown; `None`: neither an acquisition nor a file."""
        return self._facts

    def set_facts(self, facts: Facts | None, visible: tuple[bool, ...] = ()) -> None:
        """Prepare for another acquisition or file; the canvas is empty until `draw`.

        `visible` has a value for each channel; without it all are.
        """
        self._facts = facts
        self._rgb = set()
        self._whole = {}
        self._viewer._clear_canvas()  # noqa: SLF001  no public way
        self._loading = True
        # ndv warns of a mode that doesn't fit the data, so RGBA comes after it and goes before it.
        self._viewer.display_model.channel_mode = ChannelMode.COMPOSITE
        self.wrapper.set_facts(facts)
        if facts is not None:
            self._prepare_channels(facts, visible or (True,) * len(facts.channels))
            if facts.rgb:
                self._viewer.display_model.channel_mode = ChannelMode.RGBA
            self.canvas.set_pixel_size(facts.pixel_size_um)
        for key, lut in self._viewer.display_model.luts.items():
            if not self._is_used(key):
                lut.visible = False
        self._loading = False
        self._fit_wanted = True
        self._refresh_rows()

    def draw(self, frame: Frame, *, calm: bool) -> None:
        """Give a frame to the canvas, with its contrast."""
        for channel, plane in enumerate(frame.planes):
            if plane is None:
                continue
            self._note_rgb(channel, plane)
            if plane.statistics is not None and channel not in self._whole:
                contrast = self._contrasts[self._key(channel)]
                contrast.take(plane.statistics, plane.pixels.dtype, calm=calm)
        self.wrapper.set_frame(frame)
        self._show_rows()
        if self._fit_wanted and any(plane is not None for plane in frame.planes):
            self._fit_wanted = False
            self.fit()

    def set_statistics(self, whole: dict[int, tuple[PlaneStatistics, np.dtype[Any]]]) -> None:
        """Make the contrast of channels of these statistics; of others, of each plane again."""
        before, self._whole = self._whole, whole
        for channel, plane in enumerate(self.wrapper.shown_planes()):
            known = None if plane is None or plane.statistics is None else plane.statistics
            if plane is not None and known is not None and channel in before:
                whole = {channel: (known, plane.pixels.dtype), **whole}
        for channel, (statistics, dtype) in whole.items():
            self._contrasts[self._key(channel)].take(statistics, dtype, calm=False)

    def set_channel_visible(self, visible: tuple[bool, ...]) -> None:
        """Show and hide channels; one that is hidden comes back with its next plane."""
        self._loading = True
        for channel, shown in enumerate(visible):
            if not shown:
                self._forget_plane(channel)
            self._lut(channel).visible = shown
        self._recolor(visible)
        self._loading = False

    def _forget_plane(self, channel: int) -> None:
        """Take a channel's plane off the canvas: shown again, it would be of another place."""
        controller = self._viewer._lut_controllers.get(self._key(channel))  # noqa: SLF001
        for handle in () if controller is None else controller.handles:
            handle.set_data(NOTHING)

    def seen(self) -> Seen | None:
        """Return what the screen shows of each plane; `None`: nothing is known of that."""
        if self._facts is None or self._instead is not None:
            return None
        height, width = self.wrapper.size
        if not self._fit_wanted:
            return self.canvas.seen_of(height, width)
        # Before the first frame: the whole plane will be fitted into the canvas.
        widget = self.canvas.frontend_widget()
        zoom = min(widget.width() / width, widget.height() / height) * widget.devicePixelRatio()
        return Seen(
            x=0,
            y=0,
            width=width,
            height=height,
            screen_width=max(1, round(width * zoom)),
            screen_height=max(1, round(height * zoom)),
        )

    def luts(self, channels: list[int]) -> dict[int, Lut]:
        """Return how the values of these channels become colours now."""
        return {channel: lut_of(self._lut(channel)) for channel in channels}

    def fit(self) -> None:
        """Show the whole picture."""
        if self._instead is not None:
            self._instead.fit()
        else:
            self.canvas.set_range()

    def one_to_one(self) -> None:
        """Show one pixel of the picture as one of the screen, its middle kept."""
        (self._instead or self.canvas).one_to_one()

    def zoom_in(self) -> None:
        """Show the middle of the picture larger."""
        (self._instead or self.canvas).zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Show more of the picture."""
        (self._instead or self.canvas).zoom_by(1 / ZOOM_STEP)

    def picture(self) -> QImage | None:
        """Return a copy of what is on the screen, scale bar included; `None`: there is nothing."""
        return (self._instead or self.canvas).picture()

    def hover_at(self, place: tuple[float, float] | None) -> None:
        """Tell of the pixel (x, y) of the shown planes; `None`: the mouse is over none."""
        x, y = place or (0.0, 0.0)
        values = self.wrapper.values_at(math.floor(x), math.floor(y))
        self.hovered.emit(None if place is None else Hover(x, y, tuple(values)))

    def show_instead(self, page: Instead | None) -> None:
        """Show another widget in the place of the canvas; `None`: the canvas again.

        The caller keeps it. It has a parent while it is shown.
        """
        canvas = self.canvas.frontend_widget()
        if page is not None:
            layout = canvas.parentWidget().layout()
            assert isinstance(layout, QVBoxLayout)
            layout.insertWidget(layout.indexOf(canvas), page, 1)
        canvas.setVisible(page is None)
        self._instead = page

    def put_above_canvas(self, widget: QWidget) -> None:
        """Add a widget at the right end of the line above the canvas."""
        # The line's own label, hidden here, has its place there.
        line = self._viewer.widget().hover_info_label.parentWidget().layout()
        assert line is not None
        line.addWidget(widget)

    def put_below_canvas(self, widget: QWidget) -> None:
        """Insert a widget between the canvas and the rows of the channels."""
        canvas = self.canvas.frontend_widget()
        layout = canvas.parentWidget().layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(layout.indexOf(canvas) + 1, widget)

    def close(self) -> None:
        """Let go of all planes and end the canvas."""
        self.wrapper.set_facts(None)
        self._viewer._clear_canvas()  # noqa: SLF001  no public way
        self._viewer.close()
        self.canvas.close()

    # ------------------------------------------------------------ inside

    def _key(self, channel: int) -> ChannelKey:
        """Return what ndv calls a channel."""
        return "RGB" if self._facts is not None and self._facts.rgb else channel

    def _lut(self, channel: int) -> LUTModel:
        luts = self._viewer.display_model.luts
        key = self._key(channel)
        if key not in luts:
            luts[key] = LUTModel()
        lut: LUTModel = luts[key]
        return lut

    def _prepare_channels(self, facts: Facts, visible: tuple[bool, ...]) -> None:
        for number, channel in enumerate(facts.channels):
            key = self._key(number)
            if key not in self._contrasts:
                self._contrasts[key] = ChannelContrast(self._lut(number), self._looks.set)
                self._lut(number).events.visible.connect(self._on_visible_edited)
                for part in ("clims", "cmap", "gamma"):
                    getattr(self._lut(number).events, part).connect(self._on_lut_changed)
            color = channel_color(channel, number, len(facts.channels))
            look = self._looks.look(channel.name)
            self._contrasts[key].restart(color, channel.name, look, visible=visible[number])
        self._recolor(visible)

    def _recolor(self, visible: tuple[bool, ...]) -> None:
        """Show transmitted light bright by itself, and dim where it would drown others."""
        channels = () if self._facts is None else self._facts.channels
        n_together = max(1, sum(visible))
        for number, channel in enumerate(channels):
            n = n_together if visible[number] else len(channels)
            color = channel_color(channel, number, len(channels), n_together=n)
            self._contrasts[self._key(number)].recolor(color)

    def _note_rgb(self, channel: int, plane: FramePlane) -> None:
        """Know a channel of coloured planes by its first: an acquisition does not say it."""
        is_rgb = plane.pixels.ndim == 3
        if is_rgb == (channel in self._rgb):
            return
        self._rgb ^= {channel}
        # Colours of 8 bits are meant to be seen as they are.
        as_they_are = is_rgb and plane.pixels.dtype == np.uint8
        self._contrasts[self._key(channel)].set_fixed((0.0, 255.0) if as_they_are else None)
        self._refresh_rows()

    def _contrasts_of(self, name: str) -> list[ChannelContrast]:
        channels = () if self._facts is None else self._facts.channels
        return [self._contrasts[self._key(n)] for n, c in enumerate(channels) if c.name == name]

    def _on_look_changed(self, name: str) -> None:
        for contrast in self._contrasts_of(name):
            contrast.apply(self._looks.look(name))

    def _on_fix_wanted(self, name: str) -> None:
        for contrast in self._contrasts_of(name):
            contrast.fix()

    def _on_mouse_moved(self, event: MouseMoveEvent) -> None:
        self._hover_at = (event.x, event.y)
        self._tell_hover()

    def _on_mouse_left(self) -> None:
        self._hover_at = None
        self.hovered.emit(None)

    def _tell_hover(self) -> None:
        if self._hover_at is None:
            return
        x, y, *_z = self.canvas.canvas_to_world(self._hover_at)
        self.hover_at((x, y))

    def _on_visible_edited(self) -> None:
        if not self._loading and self._facts is not None:
            n = len(self._facts.channels)
            self.visibility_edited.emit(tuple(self._lut(c).visible for c in range(n)))

    def _on_lut_changed(self) -> None:
        self.luts_changed.emit()

    def _show_rows(self) -> None:
        """Hide the rows of channels that this acquisition does not have."""
        rows = self._viewer._lut_controllers  # noqa: SLF001  no public way
        if len(rows) == self._n_rows:
            return
        self._n_rows = len(rows)
        for key, controller in rows.items():
            for view in controller.lut_views:
                if view not in controller.handles:
                    view.set_visible(self._is_used(key))
                    if isinstance(key, int):
                        view.frontend_widget().cmap.setVisible(key not in self._rgb)
                    spare_slider(view)
                    auto = view.frontend_widget().auto_clim
                    auto.setToolTip(AUTO_TIP)
                    # ndv's percentiles are of pixels; ours are in the panel.
                    auto.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def _refresh_rows(self) -> None:
        self._n_rows = -1
        self._show_rows()

    def _is_used(self, key: Hashable) -> bool:
        """Tell whether what is shown has this channel."""
        if self._facts is None:
            return False
        if isinstance(key, int):
            return not self._facts.rgb and key < len(self._facts.channels)
        return self._facts.rgb and key == "RGB"


def _highlight_numbers_only(viewer: ndv.ArrayViewer) -> None:
    """Have ndv point at values in its histograms; of a coloured pixel it can't, and raises."""
    highlight = viewer._highlight_values  # noqa: SLF001  no public way

    def highlight_numbers(values: dict[Hashable, Any], position: Any = None) -> None:
        highlight({key: one for key, one in values.items() if np.ndim(one) == 0}, position)

    setattr(viewer, "_highlight_values", highlight_numbers)  # noqa: B010  not meant to be set

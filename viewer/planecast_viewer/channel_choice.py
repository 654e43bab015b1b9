"""All channels in one picture, or one at a time."""

from PySide6.QtCore import QObject, QTimer, Signal

from planecast_viewer.session import Session


class ChannelChoice(QObject):
    """Which channels are visible, as keys and the toolbar choose them. GUI thread only."""

    single_changed = Signal(bool)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.single = False
        self._before: tuple[bool, ...] = ()
        session.acquisition_changed.connect(self._on_acquisition_changed)

    def set_single(self, single: bool) -> None:
        """Show one channel at a time, the first that is visible now; or those of before."""
        visible = self._session.channel_visible
        if single == self.single or not visible:
            return
        self.single = single
        if single:
            self._before = visible
            self._show_only(visible.index(True) if any(visible) else 0)
        else:
            fits = len(self._before) == len(visible)
            self._session.set_channel_visible(self._before if fits else (True,) * len(visible))
        self.single_changed.emit(single)

    def press(self, channel: int) -> None:
        """Choose or toggle a channel: what its number key does."""
        visible = self._session.channel_visible
        if channel >= len(visible):
            return
        if self.single:
            self._show_only(channel)
        else:
            toggled = (shown != (number == channel) for number, shown in enumerate(visible))
            self._session.set_channel_visible(tuple(toggled))

    def take_edited(self, visible: tuple[bool, ...]) -> None:
        """Take that somebody showed or hid a channel in its row."""
        before = self._session.channel_visible
        if not self.single:
            self._session.set_channel_visible(visible)
            return
        fresh = [n for n, shown in enumerate(visible) if shown and not before[n]]
        if fresh:
            self._show_only(fresh[0])
        else:
            # One is always shown: its row says so again.
            QTimer.singleShot(0, self._session.channels_changed.emit)

    def _on_acquisition_changed(self) -> None:
        """Stay with one at a time where that is shown; all come back in the end."""
        self._before = ()
        if self.single and sum(self._session.channel_visible) > 1:
            self.single = False
            self.single_changed.emit(False)

    def _show_only(self, channel: int) -> None:
        n = len(self._session.channel_visible)
        self._session.set_channel_visible(tuple(number == channel for number in range(n)))

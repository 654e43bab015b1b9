"""A view of a stack, and below it how far it is and what people must know of it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from planecast_viewer import theme
from planecast_viewer.instead import Instead
from planecast_viewer.stack.notes import missing_text, progress_text, size_text
from planecast_viewer.stack.view import StackView
from planecast_viewer.stack.voxel import voxel_of

BAR_WIDTH_PX = 120
NOTES_LINES = 2


class StackPage(Instead):
    """Takes the place of the picture. GUI thread only."""

    def __init__(self, view: StackView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(BAR_WIDTH_PX, 8)
        self.text = QLabel(self)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        # The picture must not change its size when there is more to say.
        self.text.setFixedHeight(NOTES_LINES * self.text.fontMetrics().lineSpacing() + 2)
        self.text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        notes = QHBoxLayout()
        notes.setContentsMargins(2, 0, 2, 0)
        notes.addWidget(self.text, 1)
        notes.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(view, 1)
        layout.addLayout(notes)
        source = view.source
        source.feed.changed.connect(self._on_feed_changed)
        source.session.state_changed.connect(self.refresh)
        source.session.shown_changed.connect(self.refresh)
        source.session.channels_changed.connect(self.refresh)
        source.session.stack.cross_moved.connect(view.refresh)
        view.noted.connect(self.say)
        self.refresh()

    def refresh(self) -> None:
        """Draw what there is now, and say how it stands."""
        self.view.refresh()
        self.say()

    def _on_feed_changed(self) -> None:
        self.view.refresh_calmly()
        self.say()

    def say(self) -> None:
        """Say how it stands."""
        source = self.view.source
        facts, stack = source.session.facts, source.feed.stack()
        if facts is None or stack is None:
            return
        state = source.feed.state()
        names = [channel.name for channel in facts.channels]
        progress = progress_text(state)
        self.bar.setVisible(bool(progress))
        self.bar.setRange(0, max(state.n_planes, 1))
        self.bar.setValue(state.n_here)
        missing = missing_text(state, names)
        notes = [
            progress,
            size_text(stack, voxel_of(facts)),
            voxel_of(facts).assumed,
            self.view.note(),
        ]
        words = [_plain(note) for note in notes if note]
        if missing:
            words.insert(0, f'<span style="color:{theme.warning()}">{_plain(missing)}</span>')
        self.text.setText(" · ".join(words))
        self.text.setToolTip(missing_text(state, names, short=False))
        self.text.setStyleSheet(f"color: {theme.muted()}")
        self.view.overlay.set_message(self.view.failure or self._message(progress, missing))

    def _message(self, progress: str, missing: str) -> str | None:
        """Return what is written over a view that has nothing to draw."""
        source = self.view.source
        if not source.session.visible_channels():
            return "all channels are hidden"
        stack = source.feed.stack()
        if stack is None or not stack.is_empty:
            return None
        return missing if missing and not progress else None

    # ------------------------------------------------------------ in place of the picture

    def fit(self) -> None:
        """See `Instead`."""
        self.view.fit()

    def one_to_one(self) -> None:
        """See `Instead`."""
        self.view.one_to_one()

    def zoom_by(self, factor: float) -> None:
        """See `Instead`."""
        self.view.zoom_by(factor)

    def picture(self) -> QImage:
        """See `Instead`."""
        return self.view.picture()


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")

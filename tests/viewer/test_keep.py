"""Saving pictures, stacks and movies: real files, real processes."""

import subprocess
import threading

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CancelledError, CorruptFileError
from planecast_viewer.canvas.overlay import scale_bar
from planecast_viewer.keep import encoder as encoder_module
from planecast_viewer.keep.choice import Choice, stack_order
from planecast_viewer.keep.dialogs import MovieDialog, StackDialog
from planecast_viewer.keep.job_bar import JobBar
from planecast_viewer.keep.plane_stream import read_planes

NUM_T, NUM_Z = 4, 3


def level(message):
    """Return the brightness that a plane of the tests has: by its z and t."""
    t, _slash, name = message.path.partition(":")[2].partition("/")
    return 100 * int(t) + 10 * int(name.split("_")[1])


def plane_of(message):
    """64 × 96, dark left and bright right."""
    plane = np.zeros((64, 96), np.uint16)
    plane[:, 48:] = 200 + level(message)
    return plane


@pytest.fixture
def shown(viewer, make_acquired, client, answer_with, qtbot):
    acquired = make_acquired(
        channels=["BF", "DAPI"], num_z=NUM_Z, num_t=NUM_T, pixel_size_um=0.5, z_step_um=2.0
    )
    indices = [(t, 0, z, c) for t in range(NUM_T) for z in range(NUM_Z) for c in range(2)]
    canvas = viewer.window.view.canvas
    viewer.keeping.set_client(client)
    viewer.session.take_news(acquired.news(*indices))
    viewer.session.show(Position(1, 0, 1))
    with qtbot.waitSignal(canvas.frame_shown, check_params_cb=lambda _i: viewer.presenter.frame):
        client.answer_all(lambda message: answer_with(plane_of(message)))
    qtbot.waitUntil(lambda: canvas.is_current)
    yield viewer
    viewer.keeping.close()


@pytest.fixture
def save(shown, qtbot):
    """Do something that saves; return how it ended."""

    def save(action, *arguments, during=lambda: True):
        ended = []
        action(*arguments)
        job = shown.keeping._job
        job.ended.connect(lambda outcome, text: ended.append((outcome, text)))
        qtbot.waitUntil(lambda: bool(during()) and bool(ended), timeout=20_000)
        return ended[0]

    return save


def gray(image, x, y):
    return image.pixelColor(x, y).getRgb()[:3]


# ---------------------------------------------------------------- pictures


def test_picture_is_what_is_on_the_screen_with_its_scale_bar(shown, save, tmp_path):
    path = tmp_path / "view.png"
    assert save(shown.keeping.save_picture, str(path)) == ("done", f"saved {path}")
    saved, canvas = QImage(str(path)), shown.window.view.canvas
    screen = canvas.shown_image
    assert saved.size() == screen.size()
    x, y = (int(v) for v in canvas.shown_view.to_canvas(80.5, 30.5))
    assert gray(saved, x, y) == gray(screen, x, y) != (0, 0, 0)
    bar_row = saved.height() - 14 - 8
    white = [x for x in range(saved.width()) if gray(saved, x, bar_row) == (255, 255, 255)]
    um_per_px = 0.5 * canvas.shown_view.world_per_px
    length_um, _px = scale_bar(um_per_px)
    assert len(white) * um_per_px == pytest.approx(length_um, abs=2 * um_per_px)
    assert gray(screen, white[0], bar_row) != (255, 255, 255)


def test_scale_bar_is_of_the_picture_and_not_of_the_view_that_comes_next(shown):
    canvas = shown.window.view.canvas
    before = canvas.picture()
    canvas.zoom_by(3.0)
    assert not canvas.is_current
    assert canvas.picture() == before


def test_name_that_is_no_picture_is_told(shown, save, tmp_path):
    outcome, text = save(shown.keeping.save_picture, str(tmp_path / "view.xyz"))
    assert outcome == "failed"
    assert ".png" in text
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there_is_told(shown, save, tmp_path):
    path = tmp_path / "nowhere" / "view.png"
    outcome, text = save(shown.keeping.save_picture, str(path))
    assert outcome == "failed"
    assert str(path) in text


def test_picture_is_copied(shown, qtbot):
    shown.keeping.copy_picture()
    assert QGuiApplication.clipboard().image().size() == shown.window.view.canvas.shown_image.size()
    QGuiApplication.clipboard().clear()


def test_nothing_is_saved_before_there_is_a_picture(viewer, tmp_path):
    told = []
    viewer.session.logged.connect(lambda level, text: told.append(text))
    viewer.keeping.ask_picture()
    assert "there is no picture to save yet" in told


def test_name_is_asked_for_and_its_end_added(shown, tmp_path, qtbot, save):
    qtbot.keyClick(shown.window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    dialog = shown.window.findChild(QFileDialog)
    assert dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
    assert dialog.selectedFiles()[0].endswith("exp7_t_1_A1_0_z_1.png")
    save(dialog.fileSelected.emit, str(tmp_path / "mine"))
    assert (tmp_path / "mine.png").exists()
    assert shown.keeping.folder == str(tmp_path)
    dialog.close()
    dialog.deleteLater()


# ---------------------------------------------------------------- stacks


def test_order_is_of_the_visible_channels_and_names_what_is_missing(shown, acquired):
    session = shown.session
    session.set_channel_visible((False, True))
    session.show(Position(1, 1, 1))
    order = stack_order(session, Choice(along_z=True), "x.ome.tif")
    assert (order.num_t, order.num_z, order.channels) == (1, NUM_Z, ["DAPI"])
    assert order.planes == [None] * NUM_Z
    session.show(Position(1, 0, 1))
    order = stack_order(session, Choice(along_t=True), "x.ome.tif")
    assert [plane.path for plane in order.planes] == [f"data:{t}/0_1_1.tiff" for t in range(NUM_T)]
    assert (order.pixel_size_um, order.z_step_um) == (0.5, 2.0)


def test_dialog_offers_what_there_is(shown):
    dialog = StackDialog(shown.session, shown.window)
    texts = {choice: button.text() for choice, button in dialog.choices.items()}
    assert texts[Choice()] == "this plane: 2 planes"
    assert texts[Choice(along_z=True)] == "z stack: 6 planes"
    assert texts[Choice(along_t=True, along_z=True)].endswith("24 planes")
    dialog.show()
    QTest.mouseClick(dialog.choices[Choice(along_z=True)], Qt.MouseButton.LeftButton)
    dialog.choices[Choice(along_z=True)].setChecked(True)
    assert dialog.choice == Choice(along_z=True)
    dialog.close()
    dialog.deleteLater()


# ---------------------------------------------------------------- movies


@pytest.fixture
def answering(client, answer_with):
    """Answer what is asked for meanwhile, as a worker does."""

    def answering():
        client.answer_all(lambda message: answer_with(plane_of(message)))
        for entry in list(client.asked):
            if entry.request not in client.cancelled and entry.message.priority == "script":
                client.answer(entry, answer_with(plane_of(entry.message)))
        return True

    return answering


def frames_of(path):
    import imageio_ffmpeg

    exe = imageio_ffmpeg.get_ffmpeg_exe()
    command = [exe, "-loglevel", "error", "-i", path, "-fps_mode", "passthrough"]
    ppm = [*command, "-f", "image2pipe", "-c:v", "ppm", "-"]
    data = subprocess.run(ppm, capture_output=True, check=True).stdout
    frames = []
    while data:
        _p6, size, _max, rest = data.split(b"\n", 3)
        width, height = map(int, size.split())
        n_bytes = width * height * 3
        frames.append(np.frombuffer(rest[:n_bytes], np.uint8).reshape(height, width, 3))
        data = rest[n_bytes:]
    return frames


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_movie_has_a_picture_for_each_time_as_on_the_screen(
    shown, save, answering, tmp_path, suffix
):
    shown.session.looks.fix_wanted.emit("BF")
    shown.session.set_channel_visible((True, False))
    path = tmp_path / f"movie{suffix}"
    outcome = save(shown.keeping.save_movie, "t", 5.0, str(path), during=answering)
    assert outcome == ("done", f"saved {path}")
    frames = frames_of(path)
    assert len(frames) == NUM_T
    canvas = shown.window.view.canvas
    x, y = (int(value) for value in canvas.world_to_canvas((80.5, 30.5)))
    brightness = [int(frame[y - 3 : y + 3, x - 3 : x + 3].mean()) for frame in frames]
    # The limits are those of t 1: before it is darker, from it on as bright as can be.
    assert brightness[0] < brightness[1] - 20
    dark_x = int(canvas.world_to_canvas((10.5, 30.5))[0])
    assert frames[2][y, dark_x].max() < 20
    assert frames[0].shape[1] == canvas.frontend_widget().width() // 2 * 2


def test_planes_that_cannot_be_read_are_black_and_counted(
    shown, save, client, answer_with, tmp_path
):
    def answering():
        for entry in list(client.asked):
            if entry.request not in client.cancelled and entry.message.priority == "script":
                broken = level(entry.message) >= 200
                answer = (
                    CorruptFileError("x.tiff: cut")
                    if broken
                    else answer_with(plane_of(entry.message))
                )
                client.answer(entry, answer)
        return True

    path = tmp_path / "movie.mp4"
    outcome, text = save(shown.keeping.save_movie, "t", 5.0, str(path), during=answering)
    assert outcome == "done"
    assert "4 planes are black: x.tiff: cut" in text


def test_picture_does_not_jump_when_saving_begins_and_ends(shown, client, tmp_path, qtbot):
    canvas, bar = shown.window.view.canvas, shown.window.findChild(JobBar)
    tools = shown.window.tools
    size = canvas.frontend_widget().size()
    shown.keeping.save_movie("t", 5.0, str(tmp_path / "movie.mp4"))
    tools.badge.setText("1 new plane – show newest")
    tools._badge_action.setVisible(True)
    qtbot.waitUntil(lambda: bar.button.isVisible() and tools.badge.isVisible())
    QCoreApplication.processEvents()
    assert canvas.frontend_widget().size() == size
    QTest.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.job is None)
    bar.hide()
    tools._badge_action.setVisible(False)
    QCoreApplication.processEvents()
    assert canvas.frontend_widget().size() == size


def test_cancelled_movie_leaves_no_file(shown, client, tmp_path, qtbot):
    path = tmp_path / "movie.mp4"
    shown.keeping.save_movie("t", 5.0, str(path))
    bar = shown.window.findChild(JobBar)
    qtbot.waitUntil(lambda: any(e.message.priority == "script" for e in client.asked))
    assert bar.isVisible()
    QTest.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bar.job is None)
    assert bar.text.toolTip() == "Saving movie.mp4: cancelled"
    assert list(tmp_path.iterdir()) == []


def test_library_that_is_not_there_is_named_with_the_way_to_it(shown, tmp_path, monkeypatch):
    told = []
    shown.session.logged.connect(lambda level, text: told.append((level, text)))
    monkeypatch.setattr(encoder_module.importlib.util, "find_spec", lambda _name: None)
    shown.keeping.save_movie("t", 5.0, str(tmp_path / "movie.mp4"))
    assert told[-1][0] == "error"
    assert "pip install 'planecast[movie]'" in told[-1][1]


def test_movie_of_another_kind_is_told(shown, tmp_path):
    told = []
    shown.session.logged.connect(lambda _level, text: told.append(text))
    shown.keeping.save_movie("t", 5.0, str(tmp_path / "movie.avi"))
    assert told[-1].endswith("a movie is .mp4 or .gif")


def test_movie_dialog_offers_the_axes_that_have_pictures(shown):
    dialog = MovieDialog(shown.session, 7.0, shown.window)
    offered = [dialog.axes.itemText(n) for n in range(dialog.axes.count())]
    assert offered == ["time: 4 pictures", "fov: 2 pictures", "z: 3 pictures"]
    assert (dialog.axis, dialog.rate.value()) == ("t", 7.0)
    dialog.deleteLater()


# ---------------------------------------------------------------- jobs


def test_one_job_at_a_time(shown, client, tmp_path, qtbot):
    told = []
    shown.session.logged.connect(lambda _level, text: told.append(text))
    shown.keeping.save_movie("t", 5.0, str(tmp_path / "movie.mp4"))
    shown.keeping.save_picture(str(tmp_path / "view.png"))
    assert told == ["Saving movie.mp4 is not done yet"]
    shown.keeping.close()
    assert list(tmp_path.iterdir()) == []


def test_few_planes_are_asked_for_ahead_and_withdrawn_at_the_end(shown, client, answer_with):
    from planecast_viewer.keep.choice import plane_at

    planes = [plane_at(shown.session, Position(t, 0, 0), 0) for t in range(NUM_T)] * 5
    n_before = len(client.asked)
    cancelled = threading.Event()
    stream = read_planes(client, planes, cancelled)
    asked = []

    def answer_first():
        while not asked:
            asked.extend(e for e in client.asked[n_before:] if e.request not in client.cancelled)
        asked[0].on_answer(answer_with(plane_of(asked[0].message)))

    thread = threading.Thread(target=answer_first)
    thread.start()
    next(stream)
    thread.join()
    assert len(client.asked) - n_before == 4
    cancelled.set()
    with pytest.raises(CancelledError):
        next(stream)
    assert {entry.request for entry in client.asked[n_before + 1 :]} <= set(client.cancelled)

"""The planetable: rows lead to their planes, columns are plotted."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from planecast_agent.subscriber.known_planes import Position
from planecast_protocol.errors import CorruptFileError
from planecast_protocol.images import ChannelInfo, ImageInfo, SceneInfo
from planecast_viewer.plane_table import PlaneTable
from planecast_viewer.plot_view import PlotView, Series, scale_of


def columns(n_t=3, n_z=4, n_c=2, first_t=5, **more):
    rows = [(t, c, z) for t in range(n_t) for c in range(n_c) for z in range(n_z)]
    return {
        "S": [None] * len(rows),
        "T": [first_t + t for t, _c, _z in rows],
        "C": [c for _t, c, _z in rows],
        "Z": [z for _t, _c, z in rows],
        "Z[micron]": [100.0 + 0.5 * z + 0.01 * t for t, _c, z in rows],
        "Time[s]": [60.0 * t + z + 0.1 * c for t, c, z in rows],
        **more,
    }


def image(**more):
    sizes = {"T": 3, "C": 2, "Z": 4, "Y": 8, "X": 8}
    channels = [ChannelInfo(name="DAPI"), ChannelInfo(name="GFP")]
    scene = SceneInfo(name="s", sizes=sizes, dtype="<u2", channels=channels)
    facts = {"has_planetable": True, **more}
    return ImageInfo(path="local:x.czi", format="czi", reader="r", scenes=[scene], **facts)


# ---------------------------------------------------------------- the table


def test_rows_name_their_planes_from_zero():
    table = PlaneTable.of(columns())
    assert table.n_rows == 24
    assert table.position(0) == (Position(0, 0, 0), 0)
    assert table.position(23) == (Position(2, 0, 3), 1)
    assert "S" not in table.columns


def test_rows_of_a_position_come_in_the_order_of_channels():
    table = PlaneTable.of(columns())
    rows = table.rows_at(Position(1, 0, 2))
    assert [table.position(row) for row in rows] == [
        (Position(1, 0, 2), 0),
        (Position(1, 0, 2), 1),
    ]


def test_scenes_lie_at_the_middle_of_their_tiles():
    told = {"S": [2, 2, 7], "X[micron]": [0.0, 10.0, 50.0], "Y[micron]": [1.0, 1.0, None]}
    positions = PlaneTable.of(told).fov_positions_um(2)
    assert positions[0].tolist() == [5.0, 1.0]
    assert np.isnan(positions[1]).all()


def test_table_without_numbers_is_no_trouble():
    table = PlaneTable.of({"T": [None, None], "note": ["a", "b"]})
    assert table.columns == {}
    assert table.position(1) == (Position(0, 0, 0), 0)
    assert table.fov_positions_um(1) is None


# ---------------------------------------------------------------- the panel


@pytest.fixture
def asked(viewer):
    """Files whose planetable is wanted; nobody reads them."""
    paths = []
    wishes = viewer.session.wishes
    wishes.planetable_wanted.disconnect(viewer.worker.read_planetable)
    wishes.planetable_wanted.connect(paths.append)
    yield paths
    wishes.planetable_wanted.disconnect(paths.append)
    wishes.planetable_wanted.connect(viewer.worker.read_planetable)


@pytest.fixture
def panel(viewer, asked):
    dock = viewer.window.docks["planetable"]
    dock.show()
    dock.raise_()
    viewer.session.open_image(image())
    answer = PlaneTable.of(columns())
    viewer.session.wishes.planetable_ready.emit("local:x.czi", answer)
    yield dock.widget()
    dock.hide()


def test_table_is_read_once_and_only_when_it_is_seen(viewer, asked):
    dock = viewer.window.docks["planetable"]
    dock.hide()
    viewer.session.open_image(image())
    assert not asked
    dock.show()
    dock.hide()
    dock.show()
    assert asked == ["local:x.czi"]
    dock.hide()


def test_double_click_shows_the_plane_of_a_row(panel, viewer, qtbot):
    viewer.session.set_channel_visible((True, False))
    place = panel.view.visualRect(panel.model.index(5, 1)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert viewer.session.shown == Position(0, 0, 1)
    assert viewer.session.channel_visible == (True, True)


def test_enter_shows_the_plane_of_a_row(panel, viewer, qtbot):
    panel.view.setFocus()
    panel.view.setCurrentIndex(panel.model.index(7, 0))
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    qtbot.keyClick(panel.view, Qt.Key.Key_Return)
    assert viewer.session.shown == Position(1, 0, 0)


def test_row_of_the_shown_plane_is_marked(panel, viewer):
    viewer.session.show(Position(2, 0, 3))
    row = panel.model.row_at(panel.view.currentIndex().row())
    assert panel._table.position(row) == (Position(2, 0, 3), 0)


def test_header_sorts_by_number_and_rows_still_lead_to_their_planes(panel, viewer, qtbot):
    header = panel.view.horizontalHeader()
    names = [panel.model.headerData(n, Qt.Orientation.Horizontal) for n in range(5)]
    names = [
        panel.model.headerData(n, Qt.Orientation.Horizontal, Qt.ItemDataRole.DisplayRole)
        for n in range(panel.model.columnCount())
    ]
    at = names.index("Time [s]")
    for n_clicks in (1, 2):
        x = header.sectionViewportPosition(at) + 5
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 5))
        times = [float(panel.model.index(n, at).data()) for n in range(panel.model.rowCount())]
        assert times == sorted(times, reverse=n_clicks == 2)
    panel._on_activated(panel.model.index(0, 0))
    assert viewer.session.shown == Position(2, 0, 3)


def test_rows_without_a_value_come_last(panel, viewer):
    answer = PlaneTable.of(columns(n_t=1, n_z=3, n_c=1, **{"Time[s]": [3.0, None, 1.0]}))
    viewer.session.wishes.planetable_ready.emit("local:x.czi", answer)
    at = list(answer.columns).index("Time[s]")
    for order, expected in (
        (Qt.SortOrder.AscendingOrder, ["1", "3", ""]),
        (Qt.SortOrder.DescendingOrder, ["3", "1", ""]),
    ):
        panel.view.sortByColumn(at, order)
        assert [panel.model.index(n, at).data() for n in range(3)] == expected


def test_column_is_plotted_over_time_and_over_z(panel):
    assert panel.column.currentText() == "Z [µm]"
    assert panel.over.currentText() == "time"
    assert [one.name for one in panel.plot._series] == ["DAPI", "GFP"]
    assert len(panel.plot._series[0].x) == 12
    assert panel.plot._series[0].x.max() == 123.0
    panel.over.setCurrentIndex(panel.over.findText("z"))
    assert sorted(set(panel.plot._series[0].x)) == [0, 1, 2, 3]
    panel.column.setCurrentIndex(panel.column.findText("Time [s]"))
    assert panel.plot._series[1].y.max() == pytest.approx(123.1)


def test_column_is_not_plotted_over_itself_at_first(panel, viewer):
    told = columns(n_z=1)
    del told["Z[micron]"]
    viewer.session.wishes.planetable_ready.emit("local:x.czi", PlaneTable.of(told))
    assert (panel.column.currentText(), panel.over.currentText()) == ("Time [s]", "T")


def test_click_on_a_dot_shows_its_plane(panel, viewer, qtbot):
    panel.parts.setSizes([100, 600])
    row = int(panel._table.rows_at(Position(2, 0, 1))[1])
    point = panel.plot.point_of(row).toPoint()
    qtbot.mouseClick(panel.plot, Qt.MouseButton.LeftButton, pos=point)
    assert viewer.session.shown == Position(2, 0, 1)


def test_file_without_a_planetable_says_so(viewer, asked):
    dock = viewer.window.docks["planetable"]
    dock.show()
    viewer.session.open_image(image(has_planetable=False))
    assert "no planetable" in dock.widget().text.text()
    assert not dock.widget().parts.isVisible()
    assert not asked
    dock.hide()


def test_why_it_cant_be_read_is_said(panel, viewer):
    trouble = CorruptFileError("x.czi: cut in the middle")
    viewer.session.wishes.planetable_ready.emit("local:x.czi", trouble)
    assert panel.text.text() == "x.czi: cut in the middle"


def test_answer_of_another_file_is_dropped(panel, viewer):
    viewer.session.wishes.planetable_ready.emit("local:y.czi", PlaneTable.of(columns(n_t=1)))
    assert panel.model.rowCount() == 24


# ---------------------------------------------------------------- the plot


def test_scale_has_round_ticks_within_it():
    scale = scale_of(np.array([0.0, 97.3]), 5)
    assert scale.ticks == (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
    assert scale.low < 0
    assert scale.high > 97.3


@pytest.mark.parametrize(
    "values", [[5.0], [0.0, 0.0], [-3.0, -3.0], [1e-9, 2e-9], [1e12, 1e12 + 1]]
)
def test_scale_of_any_values_has_room(values):
    scale = scale_of(np.array(values), 4)
    assert scale.low < min(values) <= max(values) < scale.high
    assert len(scale.ticks) >= 1


@pytest.mark.parametrize("n", [10, 50_000])
def test_dots_are_painted_where_they_are(qtbot, n):
    plot = PlotView()
    qtbot.addWidget(plot)
    plot.resize(400, 200)
    x = np.linspace(0.0, 1.0, n)
    plot.set_series([Series("one", "#ff0000", x, x, np.arange(n))], "x", "y")
    picture = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    point = plot.point_of(n // 2)
    color = picture.pixelColor(int(point.x()), int(point.y()))
    assert color.red() > 150
    assert color.green() < 100
    assert plot.row_at(point) == pytest.approx(n // 2, abs=n // 100)


def test_dots_without_a_value_are_left_out(qtbot):
    plot = PlotView()
    qtbot.addWidget(plot)
    y = np.array([1.0, np.nan, 3.0])
    plot.set_series([Series("one", "#ff0000", np.arange(3.0), y, np.arange(3))], "x", "y")
    assert plot.point_of(1) is None
    plot.set_series([Series("one", "#ff0000", np.arange(3.0), y * np.nan, np.arange(3))], "x", "y")
    assert plot.grab().toImage().width() > 0

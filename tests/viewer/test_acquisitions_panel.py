"""The list of acquisitions, past ones too."""

import pytest
from PySide6.QtCore import QPoint, Qt

from planecast_agent.subscriber.news import AcquisitionsListed, LinkState
from planecast_protocol.agent_messages import AcquisitionSummary

LISTED = (
    ("plate 1", "done", 900, 1000.0),
    ("heart", "aborted", 12, 2000.0),
    ("plate 2", "running", 40, 3000.0),
)


def listing(*rows):
    return AcquisitionsListed(
        tuple(
            AcquisitionSummary(
                acquisition=f"{name} id",
                name=name,
                state=state,
                controller="live" if state == "running" else "gone",
                head=1,
                planes=planes,
                started_at=started_at,
            )
            for name, state, planes, started_at in rows
        ),
        "",
    )


@pytest.fixture
def panel(viewer, qtbot):
    viewer.session.take_news([LinkState("live"), listing(*LISTED)])
    dock = viewer.window.docks["acquisitions"]
    dock.show()
    dock.raise_()
    panel = dock.widget()
    panel.refresh()
    panel.filter.clear()
    panel.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    yield panel
    panel.filter.clear()
    dock.hide()


@pytest.fixture
def wanted(viewer):
    """Acquisitions that somebody wants to see; nobody fetches them."""
    identities = []
    wishes = viewer.session.wishes
    wishes.acquisition_wanted.disconnect(viewer.targets.choose_acquisition)
    wishes.acquisition_wanted.connect(identities.append)
    yield identities
    wishes.acquisition_wanted.disconnect(identities.append)
    wishes.acquisition_wanted.connect(viewer.targets.choose_acquisition)


def texts(panel, column=0):
    model = panel.table.model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_newest_is_first_with_its_state_and_planes(panel):
    assert texts(panel) == ["plate 2", "heart", "plate 1"]
    assert texts(panel, 1) == ["running", "aborted", "done"]
    assert texts(panel, 2) == ["40", "12", "900"]
    assert panel.text.text() == "3 acquisitions"


def test_click_on_a_header_sorts_numbers_as_numbers(panel, qtbot):
    header = panel.table.horizontalHeader()
    for expected in (["12", "40", "900"], ["900", "40", "12"]):
        x = header.sectionViewportPosition(2) + 5
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, 5))
        assert texts(panel, 2) == expected


def test_filter_looks_at_every_column(panel, qtbot):
    qtbot.keyClicks(panel.filter, "PLATE")
    assert texts(panel) == ["plate 2", "plate 1"]
    panel.filter.clear()
    qtbot.keyClicks(panel.filter, "abort")
    assert texts(panel) == ["heart"]


def test_double_click_shows_an_acquisition(panel, wanted, qtbot):
    qtbot.keyClicks(panel.filter, "heart")
    table = panel.table
    place = table.visualRect(table.model().index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert wanted == ["heart id"]


def test_enter_shows_the_selected_one(panel, wanted, viewer, qtbot):
    panel.table.setFocus()
    panel.table.selectRow(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert wanted == ["heart id"]


def test_the_one_that_is_shown_counts_what_came(panel, viewer, make_acquired, qtbot):
    acquired = make_acquired("plate 2 id")
    viewer.session.take_news(acquired.news(*((t, 0, 0, 0) for t in range(60))))
    qtbot.waitUntil(lambda: texts(panel, 2)[0] == "60")
    assert panel.table.model().index(0, 0).data(Qt.ItemDataRole.FontRole).bold()


def test_selection_stays_when_the_listing_changes(panel, viewer, qtbot):
    panel.table.selectRow(1)
    viewer.session.take_news([listing(*LISTED[:2], ("plate 2", "done", 99, 3000.0))])
    qtbot.waitUntil(lambda: texts(panel, 1)[0] == "done")
    assert panel.table.currentIndex().row() == 1


def test_silent_agent_is_said(panel, viewer, qtbot):
    viewer.session.take_news([LinkState("silent", 5.0)])
    qtbot.waitUntil(lambda: panel.text.text() == "the agent does not answer")


def test_viewer_of_a_file_offers_to_listen(panel, viewer, qtbot):
    address, viewer.session.agent_address = viewer.session.agent_address, None
    try:
        panel.refresh()
        wished = viewer.session.wishes.agent_wanted
        with qtbot.waitSignal(wished):
            qtbot.mouseClick(panel.listen, Qt.MouseButton.LeftButton)
    finally:
        viewer.session.agent_address = address
        panel.refresh()
    assert not panel.listen.isVisible()

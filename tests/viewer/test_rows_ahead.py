"""Rows of controls are made before there are channels, and not while a picture is waited for."""

import pytest

from planecast_viewer.rows_ahead import N_ROWS, RowsAhead


@pytest.fixture
def rows(viewer):
    rows = RowsAhead(viewer.window.view)
    yield rows
    rows.stop()
    rows.deleteLater()


def test_rows_are_there_before_channels_and_none_is_seen(viewer, rows, qtbot):
    rows.start()
    qtbot.waitUntil(lambda: not rows.is_busy)
    assert rows.n_rows == N_ROWS
    view = viewer.window.view
    assert view.facts is None
    controllers = view._viewer._lut_controllers
    assert set(range(N_ROWS)) <= controllers.keys()
    for number in range(N_ROWS):
        assert not controllers[number].lut_views[0].frontend_widget().isVisible()


def test_no_row_is_made_once_something_is_shown(viewer, acquired, rows, qtbot):
    rows.start()
    qtbot.waitUntil(lambda: rows.n_rows == 1)
    viewer.session.take_news(acquired.news((0, 0, 0, 0)))
    qtbot.waitUntil(lambda: not rows.is_busy)
    assert rows.n_rows == 1
    assert viewer.window.view.facts is viewer.session.facts

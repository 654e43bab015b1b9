"""Where somebody wants to go, in words."""

import pytest

from planecast_agent.subscriber.known_planes import Position
from planecast_viewer.extents import Extents
from planecast_viewer.goto import UnknownPlaceError, completions, parse_place

LABELS = ("A1:0", "A1:1", "A2:0", "A2:1", "B12:0")
SHOWN = Position(2, 1, 3)
LIMITS = Extents(t=10, fov=5, z=8)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("A2", Position(2, 2, 3)),
        ("a2", Position(2, 2, 3)),
        ("A02", Position(2, 2, 3)),
        ("A2:1", Position(2, 3, 3)),
        ("A2 1", Position(2, 3, 3)),
        ("  b12   0 ", Position(2, 4, 3)),
        ("4", Position(2, 4, 3)),
        ("fov=4", Position(2, 4, 3)),
        ("t=5 z=0", Position(5, 1, 0)),
        ("t 5, z 7", Position(5, 1, 7)),
        ("time=9", Position(9, 1, 3)),
        ("A2:1 t=5 z=3", Position(5, 3, 3)),
        ("z=2 A1", Position(2, 0, 2)),
    ],
)
def test_place_is_understood(text, position):
    assert parse_place(text, LABELS, SHOWN, LIMITS) == position


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "say where"),
        ("A3", "there is no 'A3' here; did you mean"),
        ("A2:7", "A2 has 2 fovs: A2:0, A2:1"),
        ("5", "there is no fov=5: fov has 0 to 4"),
        ("-1", "there is no fov=-1"),
        ("t=10", "there is no t=10: t has 0 to 9"),
        ("z=-1", "there is no z=-1"),
        ("somewhere else", "there is no 'somewhere else' here"),
    ],
)
def test_no_such_place_is_explained(text, said):
    with pytest.raises(UnknownPlaceError) as trouble:
        parse_place(text, LABELS, SHOWN, LIMITS)
    assert said in str(trouble.value)


def test_axis_of_one_value_is_explained():
    with pytest.raises(UnknownPlaceError, match="only 0 so far"):
        parse_place("t=1", LABELS, SHOWN, Extents())


def test_scenes_are_found_by_their_names():
    labels = ("scene 1", "scene 2", "T=3 overview")
    assert parse_place("Scene 2", labels, SHOWN, LIMITS).fov == 1
    assert parse_place("t=3 overview", labels, SHOWN, LIMITS) == Position(2, 2, 3)


def test_wells_are_offered_before_their_fovs():
    assert completions(LABELS) == ["A1", "A2", "B12", *LABELS]
    assert completions(("one", "two")) == ["one", "two"]

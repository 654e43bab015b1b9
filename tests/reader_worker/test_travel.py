"""Which planes somebody who looks at a file will want next."""

from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.front.travel import MOST_AHEAD, Travel


def step(**index: int) -> ReadPixels:
    return ReadPixels(request=0, path="local:a/b.tif", index=index)


def test_next_planes_in_the_direction_of_travel() -> None:
    travel = Travel()
    assert travel.next(step(Z=5, C=1)) == []
    assert [r.index for r in travel.next(step(Z=6, C=1))] == [{"Z": n, "C": 1} for n in (7, 8, 9)]
    assert [r.index["Z"] for r in travel.next(step(Z=5, C=1))] == [4, 3, 2]
    assert {r.priority for r in travel.next(step(Z=4, C=1))} == {"prefetch"}
    assert [r.index["Z"] for r in travel.next(step(Z=3, C=1))] == [2, 1, 0]
    assert travel.next(step(Z=9, C=1)) == [], "a jump"
    assert travel.next(step(Z=9, C=0)) == [], "another channel of the same place"


def test_no_direction_where_several_axes_change_at_once() -> None:
    travel = Travel()
    travel.next(step(T=3, Z=5))
    assert travel.next(step(T=4, Z=6)) == []
    assert travel.next(ReadPixels(request=0, path="local:a/c.tif", index={"T": 4, "Z": 7})) == []


def test_the_first_plane_has_none_before_it() -> None:
    travel = Travel()
    travel.next(step(T=1))
    assert travel.next(step(T=0)) == []


def test_channels_travel_together() -> None:
    """A screen asks for all channels of a place, then for all of the next."""
    travel = Travel()
    for channel in range(3):
        assert travel.next(step(Z=5, C=channel)) == [], "channels are no direction"
    ahead = [travel.next(step(Z=6, C=channel)) for channel in range(3)][-1]
    places = [(one.index["Z"], one.index["C"]) for one in ahead]
    assert places == [(z, c) for c in range(3) for z in (7, 8, 9)]
    ahead = travel.next(step(Z=7, C=0))
    assert [(one.index["Z"], one.index["C"]) for one in ahead] == [(8, 0), (9, 0), (10, 0)]


def test_many_channels_do_not_ask_for_more_than_can_be_read() -> None:
    travel = Travel()
    for z in range(2):
        for channel in range(10):
            ahead = travel.next(step(Z=z, C=channel))
    assert len(ahead) <= MOST_AHEAD


def test_neighbours_are_on_every_axis_that_was_named() -> None:
    travel = Travel()
    assert travel.around() == []
    travel.next(step(T=0, Z=5, C=1))
    around = [one.index for one in travel.around()]
    assert around == [
        {"T": 0, "Z": 5, "C": 2},
        {"T": 0, "Z": 5, "C": 0},
        {"T": 1, "Z": 5, "C": 1},
        {"T": 0, "Z": 6, "C": 1},
        {"T": 0, "Z": 4, "C": 1},
    ]
    assert {one.priority for one in travel.around()} == {"prefetch"}

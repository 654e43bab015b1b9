"""Frames on the plane path: cut anywhere they come together, out of bounds they are refused."""

import pytest

from planecast_protocol.errors import BadMessageError
from planecast_protocol.messages import AnyMessage
from planecast_protocol.reader_messages import Done
from planecast_protocol.streams import HEADER, FrameDecoder, frame


def test_it_round_trips_with_its_payload(message: AnyMessage):
    payload = b"pixels"
    decoder = FrameDecoder()

    assert list(decoder.feed(frame(message, len(payload)) + payload)) == [(message, payload)]


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_a_stream_cut_anywhere_comes_together(messages: list[AnyMessage], step: int):
    stream = b"".join(frame(one, n) + b"x" * n for n, one in enumerate(messages))
    decoder = FrameDecoder()
    found = []
    for start in range(0, len(stream), step):
        found += decoder.feed(stream[start : start + step])

    assert found == [(one, b"x" * n) for n, one in enumerate(messages)]


def test_a_message_out_of_bounds_is_refused_before_it_is_held():
    decoder = FrameDecoder(max_message=100, max_payload=10)

    with pytest.raises(BadMessageError, match="101"):
        list(decoder.feed(HEADER.pack(101, 0)))


def test_a_whole_message_out_of_bounds_is_refused():
    decoder = FrameDecoder(max_message=10)

    with pytest.raises(BadMessageError, match="the limits are 10"):
        decoder.feed(frame(Done(request=1)))


def test_a_whole_message_behind_half_a_one_waits_for_its_turn():
    first, second = frame(Done(request=1)), frame(Done(request=2))
    decoder = FrameDecoder()

    assert decoder.feed(first[:7]) == []
    assert decoder.feed(first[7:] + second[:3]) == [(Done(request=1), b"")]
    assert decoder.feed(second[3:]) == [(Done(request=2), b"")]
    assert decoder.feed(frame(Done(request=3))) == [(Done(request=3), b"")]


def test_a_payload_out_of_bounds_is_refused_before_it_is_held():
    decoder = FrameDecoder(max_payload=10)

    with pytest.raises(BadMessageError, match="11"):
        list(decoder.feed(frame(Done(request=1), 11)))


def test_noise_is_refused():
    with pytest.raises(BadMessageError):
        list(FrameDecoder().feed(HEADER.pack(5, 0) + b"noise"))

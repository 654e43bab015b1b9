"""The parts of a plane for another machine: cut, coarse, packed, chosen, sent and put together."""

import threading
from functools import lru_cache

import numpy as np
import pytest

from planecast_protocol.errors import BadMessageError
from planecast_protocol.planes import Seen
from planecast_protocol.reader_messages import PixelsReady, ReadPixels
from planecast_protocol.remote_messages import PixelsComing, PixelsPart, PixelsPreview
from planecast_reader.remote.assembly import Assembly
from planecast_reader.remote.codec_choice import CODECS, CodecChoice
from planecast_reader.remote.codecs import (
    BLOSC,
    NOTHING,
    PLAIN,
    QUICK,
    SMALL,
    SMALLEST,
    pack,
    unpack,
)
from planecast_reader.remote.link_speed import FIRST_WINDOW_BYTES, LinkSpeed
from planecast_reader.remote.outgoing import Outgoing
from planecast_reader.remote.packing import Packing
from planecast_reader.remote.plane_out import Work
from planecast_reader.remote.preview import coarse, preview_step, seen_rectangle
from planecast_reader.remote.tiles import Rectangle, cut_plane

SLOW = 12.5e6
"""100 Mbit/s, in bytes."""


def seen(x=0, y=0, width=512, height=512, screen=256) -> Seen:
    return Seen(x=x, y=y, width=width, height=height, screen_width=screen, screen_height=screen)


def in_thread(work):
    """Blosc shares its state in the main thread, where nothing of ours is packed."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@lru_cache
def noise(*shape: int, dtype="u2") -> np.ndarray:
    return np.random.default_rng(3).poisson(100, shape).astype(dtype)


# ---------------------------------------------------------------- cut and coarse


@pytest.mark.parametrize("shape", [(1, 1), (7, 5000), (500, 300), (333, 77)])
@pytest.mark.parametrize("place", [None, Rectangle(10, 20, 30, 40)])
def test_tiles_cover_each_pixel_once(shape, place):
    covered = np.zeros(shape, int)
    for x, y, width, height in cut_plane(*shape, 2, 4096, place):
        assert height > 0
        assert width > 0
        covered[y : y + height, x : x + width] += 1
    assert (covered == 1).all()


def test_what_is_seen_is_within_the_plane():
    assert seen_rectangle(seen(400, 0, 512, 100), 50, 500) == Rectangle(400, 0, 100, 50)
    assert seen_rectangle(seen(500, 0), 50, 500) is None


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(64, 64), (65, 63), (3, 200), (40, 50, 3)])
def test_a_coarse_pixel_is_the_mean_of_those_beneath(dtype: str, shape: tuple[int, ...]):
    plane = noise(*shape, dtype=dtype)

    found = coarse(plane, 4)

    assert found.dtype == plane.dtype
    assert found.shape[:2] == (-(-shape[0] // 4), -(-shape[1] // 4))
    for y in range(shape[0] // 4):
        for x in range(shape[1] // 4):
            mean = plane[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].astype("f8").mean(axis=(0, 1))
            expected = mean if plane.dtype.kind == "f" else np.floor(mean)
            np.testing.assert_allclose(found[y, x].astype("f8"), expected, rtol=1e-5)


def test_a_preview_is_made_only_where_the_link_is_slow_and_never_finer_than_the_screen():
    whole = Rectangle(0, 0, 2048, 2048)
    view = seen(0, 0, 2048, 2048, screen=500)
    assert preview_step(view, whole, 1.0, 1e9) == 1
    assert preview_step(view, whole, 1.0, SLOW) == 4
    slower = preview_step(view, whole, 1.0, SLOW / 100)
    assert slower > 4
    assert (2048 / slower) ** 2 <= 0.08 * SLOW / 100
    assert preview_step(seen(0, 0, 100, 100), Rectangle(0, 0, 100, 100), 1.0, SLOW) == 1


# ---------------------------------------------------------------- packed


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("codec", CODECS)
def test_what_is_packed_unpacks_to_the_same_pixels(dtype: str, codec):
    plane = noise(60, 50, dtype=dtype)
    encoding, payload = in_thread(lambda: pack(plane, codec))
    assert encoding == (PLAIN if codec == NOTHING else BLOSC)
    whole = np.zeros((100, 100), dtype)
    for into in (np.zeros((60, 50), dtype), whole[10:70, 20:70]):
        in_thread(lambda into=into: unpack(payload, encoding, into))
        np.testing.assert_array_equal(into, plane)
    assert whole.sum(dtype="f8") == plane.sum(dtype="f8")


def test_what_gets_no_smaller_is_sent_as_it_is():
    plane = np.frombuffer(np.random.default_rng(1).bytes(20_000), "u2").reshape(100, 100)
    assert in_thread(lambda: pack(plane, QUICK))[0] == PLAIN


def test_damaged_pixels_are_refused():
    plane = noise(60, 50)
    packed = in_thread(lambda: pack(plane, SMALL))[1]
    into = np.zeros((60, 50), "u2")
    liar = packed[:4] + (1 << 30).to_bytes(4, "little") + packed[8:]
    for payload, encoding in (
        (packed[:-1], BLOSC), (packed[:5], BLOSC), (liar, BLOSC), (packed, PLAIN), (packed, "zip"),
        (packed[:16] + bytes(len(packed) - 16), BLOSC),
    ):  # fmt: skip
        with pytest.raises(BadMessageError):
            unpack(payload, encoding, into)


# ---------------------------------------------------------------- chosen


def test_the_slower_the_link_the_smaller_the_planes():
    choice = CodecChoice(can_unpack=True)
    assert choice.next(10e9) == NOTHING
    assert choice.next(300e6) == QUICK
    assert choice.next(20e6) == SMALL
    for _ in range(50):
        choice.learn(SMALLEST, 100, 30, 100 / 100e6)
    assert choice.next(0.5e6) == SMALLEST


def test_pixels_that_cannot_be_packed_are_not_for_long():
    choice = CodecChoice(can_unpack=True)
    for _ in range(300):
        codec = choice.next(SLOW)
        choice.learn(codec, 1000, 1000, 1000 / 300e6)
    assert choice.current == NOTHING


def test_a_client_that_unpacks_nothing_is_sent_nothing_packed():
    choice = CodecChoice(can_unpack=False)
    assert {choice.next(rate) for rate in (None, 1e3, 1e9)} == {NOTHING}


def test_a_codec_is_not_changed_for_little():
    choice = CodecChoice(can_unpack=True)
    choice.next(300e6)
    rates = np.linspace(350e6, 250e6, 20)
    assert {choice.next(rate) for rate in rates} == {QUICK}


# ---------------------------------------------------------------- measured


class SimulatedLink:
    """A link of so many bytes per second and so much delay, and a client that confirms."""

    def __init__(self, speed: LinkSpeed, bytes_per_s: float, delay_s: float) -> None:
        self.speed, self.bytes_per_s, self.delay_s = speed, bytes_per_s, delay_s
        self.now = self.free_at = 0.0
        self.coming: list[tuple[float, int]] = []
        self.number = 0

    def fill(self, seconds: float, part_bytes: int = 100_000) -> None:
        """Send whatever there is room for."""
        end = self.now + seconds
        while self.now < end:
            while self.speed.has_room:
                self.number += 1
                self.speed.sent(self.number, part_bytes, self.now)
                self.free_at = max(self.free_at, self.now) + part_bytes / self.bytes_per_s
                self.coming.append((self.free_at + self.delay_s, self.number))
            self.now, number = self.coming.pop(0)
            self.speed.confirmed(number, self.now)

    def rest(self, seconds: float) -> None:
        while self.coming:
            self.now, number = self.coming.pop(0)
            self.speed.confirmed(number, self.now)
        self.now += seconds


@pytest.mark.parametrize("bytes_per_s", [1e6, SLOW, 125e6])
@pytest.mark.parametrize("delay_s", [0.0005, 0.02, 0.1])
def test_a_link_is_found_out_and_is_kept_full_and_no_more(bytes_per_s: float, delay_s: float):
    speed = LinkSpeed()
    assert speed.bytes_per_s is None
    assert speed.window_bytes == FIRST_WINDOW_BYTES
    link = SimulatedLink(speed, bytes_per_s, delay_s)

    link.fill(5.0, max(100_000, int(0.002 * bytes_per_s)))

    assert speed.bytes_per_s == pytest.approx(bytes_per_s, rel=0.1)
    in_queue_s = (speed.window_bytes + 100_000) / bytes_per_s - delay_s
    assert in_queue_s <= 0.03 + 0.5 * delay_s + 300_000 / bytes_per_s


def test_idle_time_is_no_slowness():
    speed = LinkSpeed()
    link = SimulatedLink(speed, SLOW, 0.02)
    for _ in range(30):
        link.fill(0.3)
        link.rest(3.0)
    assert speed.bytes_per_s == pytest.approx(SLOW, rel=0.2)


def test_a_link_that_gets_slower_is_known_as_slower():
    speed = LinkSpeed()
    link = SimulatedLink(speed, SLOW, 0.02)
    link.fill(3.0)
    link.bytes_per_s = SLOW / 10
    link.fill(15.0)
    assert speed.bytes_per_s == pytest.approx(SLOW / 10, rel=0.2)


# ---------------------------------------------------------------- sent and put together


class Sending:
    """An `Outgoing` with real threads, and what left of it."""

    def __init__(self) -> None:
        self.packing = Packing()
        self.outgoing = Outgoing(can_unpack=True)
        self.planes: dict[int, np.ndarray] = {}
        self.sent: list[tuple[object, bytes]] = []
        self.over: list[int] = []
        self.begun: list[Work] = []

    def add(self, request: int, plane: np.ndarray, **options: object) -> None:
        asked = ReadPixels(request=request, path="d:a.tif", **options)  # type: ignore[arg-type]
        self.planes[request] = plane
        ready = PixelsReady(request=request, shape=plane.shape, dtype=plane.dtype.str)
        self.outgoing.add(asked, ready)

    def go_on(self, *, confirm: bool = True) -> None:
        """Send until nothing is left to be packed, or no room."""
        while True:
            before = len(self.sent)
            self.over += self.outgoing.go_on(
                lambda ready: self.planes[ready.request],
                lambda message, payload: self.sent.append((message, bytes(payload))),
                self._begin,
            )
            if confirm and len(self.sent) > before:
                self.outgoing.received(getattr(self.sent[-1][0], "number", 0))
            if not self.outgoing._in_work:
                if len(self.sent) == before:
                    return
                continue
            self.packing.bell.setblocking(True)
            for _client, work in self.packing.take_done():
                self.outgoing.packed(work)

    def _begin(self, work: Work) -> None:
        self.begun.append(work)
        self.packing.begin(b"", work)

    def parts(self, kind: type, request: int) -> list:
        return [m for m, _ in self.sent if isinstance(m, kind) and m.request == request]


@pytest.fixture
def sending():
    one = Sending()
    yield one
    one.packing.close()


def assembled(sending: Sending) -> dict[int, list[tuple[PixelsReady, np.ndarray]]]:
    assembly = Assembly()
    found: dict[int, list] = {}

    def take_all() -> None:
        for message, payload in sending.sent:
            if isinstance(message, PixelsComing):
                ready = assembly.begin(message)
            elif isinstance(message, PixelsPreview):
                ready = assembly.preview(message, memoryview(payload))
            else:
                ready = assembly.part(message, memoryview(payload))
            if ready is not None:
                pixels = np.frombuffer(ready[1], ready[0].dtype).reshape(ready[0].shape).copy()
                found.setdefault(message.request, []).append((ready[0], pixels))

    in_thread(take_all)
    return found


@pytest.mark.parametrize("shape", [(1500, 1400), (300, 5000), (700, 600, 3), (0, 5), (1, 1)])
def test_a_plane_arrives_as_it_was(sending: Sending, shape: tuple[int, ...]):
    plane = noise(*shape)
    sending.add(1, plane)
    sending.go_on()

    [(ready, pixels)] = assembled(sending)[1]
    assert not ready.draft
    np.testing.assert_array_equal(pixels, plane)
    assert sending.over == [1]


def test_first_comes_what_the_screen_can_show_then_what_is_seen_then_the_rest(sending: Sending):
    plane = noise(2048, 2048)
    place = (slice(300, 2000), slice(400, 1400))
    view = Seen(x=400, y=300, width=1000, height=1700, screen_width=500, screen_height=850)
    sending.add(1, plane, seen=view, priority="screen")
    sending.go_on()

    drafts = assembled(sending)[1]
    assert [ready.draft for ready, _ in drafts] == [True, True, False]
    coarse_one, sharp, whole = (pixels for _, pixels in drafts)
    step = sending.parts(PixelsPreview, 1)[0].step
    assert step == 2
    np.testing.assert_array_equal(coarse_one[place][::2, ::2], coarse(plane[place], 2))
    np.testing.assert_array_equal(sharp[place], plane[place])
    assert (sharp[:, :200] == 0).all()
    np.testing.assert_array_equal(whole, plane)


def test_previews_of_all_that_is_waited_for_come_before_any_plane(sending: Sending):
    view = seen(0, 0, 1100, 1100, 512)
    for request in (1, 2, 3):
        sending.add(request, noise(1100, 1100), seen=view, priority="screen")
    sending.add(4, noise(1100, 1100), priority="script")
    sending.go_on()

    begun = [(work.step > 1, work.plane.asked.request) for work in sending.begun]
    assert begun[:3] == [(True, 1), (True, 2), (True, 3)]
    parts = [m.request for m, _ in sending.sent if isinstance(m, PixelsPart)]
    places = {request: np.mean(np.flatnonzero(np.array(parts) == request)) for request in (1, 4)}
    assert places[1] < places[4]
    assert not sending.parts(PixelsPreview, 4)
    assert sorted(sending.over) == [1, 2, 3, 4]


def test_little_is_beyond_recall_when_a_plane_is_withdrawn(sending: Sending):
    sending.add(1, noise(1100, 1100))
    sending.go_on(confirm=False)
    n_sent = len(sending.sent)
    assert sum(len(payload) for _, payload in sending.sent) < 3 * FIRST_WINDOW_BYTES

    assert sending.outgoing.drop(1)
    sending.outgoing.received(10_000)
    sending.go_on()

    assert len(sending.sent) == n_sent
    assert not sending.outgoing.drop(1)


def test_when_the_view_moves_what_is_seen_now_comes_next(sending: Sending):
    plane = noise(2048, 2048)
    sending.add(1, plane, seen=seen(0, 0, 500, 500, 500), priority="screen")
    sending.go_on(confirm=False)
    moved_at = len(sending.sent)
    sending.outgoing.look_at([1], seen(1500, 1500, 500, 500, 500))
    sending.outgoing.received(10_000)
    sending.go_on()

    later = [m for m, _ in sending.sent[moved_at:]]
    place = Rectangle(1500, 1500, 500, 500)
    # What a thread had packed by then still leaves.
    first = [Rectangle(m.x, m.y, m.width, m.height) for m in later][:8]
    assert sum(map(place.meets, first)) >= 5
    whole = assembled(sending)[1][-1]
    assert not whole[0].draft
    np.testing.assert_array_equal(whole[1], plane)


def test_a_coarser_plane_is_sent_where_that_will_do(sending: Sending):
    plane = noise(2048, 1024)
    sending.add(1, plane, most_px=256, priority="prefetch")
    sending.go_on()

    [(ready, pixels)] = assembled(sending)[1]
    np.testing.assert_array_equal(pixels, plane[::8, ::8])
    assert ready.shape == (256, 128)


def test_parts_beyond_their_plane_are_refused():
    assembly = Assembly()
    assembly.begin(PixelsComing(request=1, shape=(10, 10), dtype="|u1"))
    with pytest.raises(BadMessageError):
        assembly.part(
            PixelsPart(request=1, number=1, x=5, y=0, width=6, height=1), memoryview(bytes(6))
        )
    with pytest.raises(BadMessageError):
        assembly.preview(
            PixelsPreview(request=1, number=1, x=0, y=0, width=1, height=9, step=2),
            memoryview(bytes(9)),
        )
    with pytest.raises(BadMessageError):
        assembly.begin(PixelsComing(request=2, shape=(1 << 20, 1 << 20), dtype="<u2"))


def test_a_piece_that_was_packed_for_the_line_before_is_let_go():
    """Its codec may be one that this client did not name, and its plane another's."""
    outgoing = Outgoing(can_unpack=False)
    foreign = Work(None, Rectangle(0, 0, 1, 1), codec=SMALL, payload=b"x", plain_bytes=10)

    outgoing.packed(foreign)

    assert not outgoing.is_held_back

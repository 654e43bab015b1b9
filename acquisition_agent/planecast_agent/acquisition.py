"""The controller's client: what an acquisition script calls for every image it saves."""

import math
import os
import re
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from operator import index as as_int
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from planecast_agent.path_names import PathNames
from planecast_agent.settings import default_spool_dir
from planecast_agent.spool import Spool, create_spool
from planecast_protocol.axes import PlaneIndex
from planecast_protocol.configuration import configured_roots
from planecast_protocol.endpoints import AgentAddress, default_agent_address
from planecast_protocol.errors import AcquisitionError, BadMessageError
from planecast_protocol.event_messages import (
    EndAcquisition,
    Event,
    RegisterImage,
    StartAcquisition,
)
from planecast_protocol.keys.trust import new_id
from planecast_protocol.limits import (
    CLOSE_TIMEOUT_S,
    MAX_COUNT,
    MAX_EVENT_BYTES,
    MAX_PATH_CHARS,
    MAX_TEXT_CHARS,
)
from planecast_protocol.messages import decode_event, encode
from planecast_protocol.paths import Roots
from planecast_protocol.planes import PlaneSource

if TYPE_CHECKING:
    from planecast_agent.controller import Controller
    from planecast_agent.handlers import Handler
    from planecast_agent.resume import LifeSource
    from planecast_agent.sender import Sender


class Acquisition:
    """One acquisition, as its controller announces it. All methods may be called by any thread.

    `register_image` appends to a file on this machine and returns: it waits for no network,
    and neither a slow, absent or restarting agent nor a full disk makes it raise.
    """

    def __init__(
        self, start: StartAcquisition, spool: Spool, sender: "Sender", roots: Roots, address: str
    ) -> None:
        """Use `Acquisition.start` or `Acquisition.resume`."""
        self._start = start
        self._channels = {name: number for number, name in enumerate(start.channels)}
        self._spool = spool
        self._sender = sender
        self._names = PathNames(roots)
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._address = address
        self._controller: Controller | None = None
        self._n_registered = 0
        self._ended = False
        self._closed = False

    @classmethod
    def start(
        cls,
        name: str,
        channels: Sequence[str],
        num_z: int,
        height: int,
        width: int,
        fov_labels: Sequence[str],
        *,
        num_t: int | None = None,
        dtype: str | None = None,
        pixel_size_um: float | None = None,
        z_step_um: float | None = None,
        time_interval_s: float | None = None,
        channel_colors: Sequence[str | None] | None = None,
        agent: str | None = None,
        roots: Roots | None = None,
        spool_dir: str | Path | None = None,
    ) -> Self:
        """Announce an acquisition of planes (y, x) of `height` × `width` pixels.

        `num_t=None` runs until `end`. `agent` is the agent's address; it need not be running.
        `roots` maps aliases to the folders in which images are saved. Raises
        `AcquisitionError` for a description that can't be, `EndpointError` for a malformed
        address, and `OSError` if the spool can't be created.
        """
        _check_channels(channels, channel_colors)
        start = StartAcquisition(
            acquisition=_new_id(name),
            name=name,
            channels=list(channels),
            num_z=as_int(num_z),
            num_t=None if num_t is None else as_int(num_t),
            height=as_int(height),
            width=as_int(width),
            fov_labels=list(fov_labels),
            dtype=dtype,
            pixel_size_um=_finite("pixel_size_um", pixel_size_um),
            z_step_um=_finite("z_step_um", z_step_um),
            time_interval_s=_finite("time_interval_s", time_interval_s),
            channel_colors=None if channel_colors is None else list(channel_colors),
            started_at=time.time(),
        )
        body = _encode_checked(start)
        known_roots = configured_roots() if roots is None else dict(roots)
        folder = default_spool_dir() if spool_dir is None else Path(spool_dir)
        address = agent or default_agent_address()
        AgentAddress.parse(address)
        spool = create_spool(folder, start.acquisition, new_id(address))
        spool.append(body)
        from planecast_agent.sender import Sender  # with zmq: a script's imports stay quick

        sender = Sender(spool, address, name)
        return cls(start, spool, sender, known_roots, address)

    @classmethod
    def resume(
        cls,
        acquisition: str,
        *,
        agent: str | None = None,
        roots: Roots | None = None,
        spool_dir: str | Path | None = None,
        timeout_s: float = 5.0,
        source: "LifeSource" = "controller",
    ) -> Self:
        """Go on with an acquisition whose controller died, on the machine where it ran.

        `acquisition` is its id, or its name. It keeps its id and all that was registered; a
        plane that is registered again is replaced. The agent need not be running; if it is
        just reading the spool, that is waited for, `timeout_s` at most. `source` tells those
        who watch whether the controller goes on, or a `"rescan"` registers what it left out.

        Raises `AcquisitionError` if there is no such acquisition, if it was ended, or if its
        controller lives; `SpoolDamagedError`; and what `start` raises.
        """
        known_roots = configured_roots() if roots is None else dict(roots)
        folder = default_spool_dir() if spool_dir is None else Path(spool_dir)
        address = agent or default_agent_address()
        AgentAddress.parse(address)
        from planecast_agent.resume import resume_spool
        from planecast_agent.sender import Sender

        resumed = resume_spool(folder, acquisition, timeout_s, source)
        sender = Sender(resumed.spool, address, resumed.start.name)
        one = cls(resumed.start, resumed.spool, sender, known_roots, address)
        one._n_registered = resumed.n_registered
        return one

    @property
    def id(self) -> str:
        """The acquisition's id, unique for ever."""
        return self._start.acquisition

    @property
    def undelivered(self) -> int:
        """Events that are not in the agent's journal yet."""
        return self._spool.n_behind(self._sender.acked)

    @property
    def n_registered(self) -> int:
        """Images registered so far, those before it was resumed too."""
        return self._n_registered

    @property
    def alarm(self) -> str:
        """What an operator must know; empty: nothing. The acquisition goes on in any case."""
        if self._spool.lost:
            return f"{self._spool.lost} events are lost: disk and memory are full"
        if self._spool.waiting:
            return f"the disk is full: {self._spool.waiting} events wait in memory"
        return self._sender.alarm

    def register_image(
        self,
        t: int,
        fov_idx: int,
        z: int,
        channel: str | int,
        filepath: str | os.PathLike[str],
        *,
        page: int | None = None,
        scene: int = 0,
        index: Mapping[str, int] | None = None,
        size_bytes: int | None = None,
        mtime_ns: int | None = None,
    ) -> None:
        """Announce the plane (t, fov, z, channel) in `filepath`, which need not exist yet.

        `index` is the plane's place in the file by the file's own axis letters, or `page`
        counts the pages of a TIFF; neither: the file holds one plane. `size_bytes` and
        `mtime_ns` are of the finished file, if known. Registering a plane again replaces it.

        Raises `AcquisitionError` for an index the acquisition does not have, after `end` and in
        a forked process, and `BadPathError` for a file beneath none of the roots.
        """
        event = RegisterImage(
            acquisition=self.id,
            index=PlaneIndex(
                t=as_int(t),
                fov=_below(len(self._start.fov_labels), "fov", as_int(fov_idx)),
                z=_below(self._start.num_z, "z", as_int(z)),
                channel=self._channel_number(channel),
            ),
            source=PlaneSource(
                path=self._names.name(filepath),
                scene=as_int(scene),
                index={} if index is None else {k: as_int(v) for k, v in index.items()},
                page=None if page is None else as_int(page),
                size_bytes=None if size_bytes is None else as_int(size_bytes),
                mtime_ns=None if mtime_ns is None else as_int(mtime_ns),
            ),
            registered_at=time.time(),
        )
        self._publish(event)

    def publish_state(self, name: str, value: object) -> None:
        """Show `value` under `name` for as long as the acquisition is open. Does not wait.

        See `Controller.publish_state`.
        """
        self._own_controller().publish_state(name, value)

    def on_command(
        self,
        name: str,
        handler: "Handler",
        *,
        arguments: Mapping[str, Any] | None = None,
        confirm: bool | None = None,
        text: str | None = None,
    ) -> None:
        """Let viewers send the command `name`. See `Controller.on_command`."""
        controller = self._own_controller()
        controller.on_command(name, handler, arguments=arguments, confirm=confirm, text=text)

    def end(self, status: Literal["done", "aborted"] = "done", reason: str = "") -> None:
        """Say that no more planes will come. Does not wait; a second call does nothing."""
        event = EndAcquisition(
            acquisition=self.id,
            status=status,
            # An error's text may hold a file name that is not UTF-8.
            reason=reason[:MAX_TEXT_CHARS].encode(errors="replace").decode(),
            ended_at=time.time(),
        )
        body = _encode_checked(event)
        with self._lock:
            if self._ended:
                return
            self._ended = True
            self._spool.append(body)
        self._sender.finish()

    def wait_delivered(self, timeout_s: float) -> bool:
        """Wait until every event so far is in the agent's journal; `False` if it isn't."""
        return self._sender.wait_delivered(timeout_s)

    def close(self) -> None:
        """Deliver what can be delivered in `CLOSE_TIMEOUT_S`, and end the sender's thread.

        The rest stays in the spool, where the agent of this machine finds it. An acquisition
        that was not ended stays open. May be called twice.
        """
        with self._lock:
            if self._closed:
                return
            self._ended = self._closed = True
        self._sender.finish()
        self._sender.wait_delivered(CLOSE_TIMEOUT_S)
        self._sender.close()
        if self._controller is not None:
            self._controller.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()
        else:
            self.end("aborted", f"{type(error).__name__}: {error}")
        self.close()

    def _publish(self, event: RegisterImage) -> None:
        body = encode(event) if _is_usual(event) else _encode_checked(event)
        if os.getpid() != self._process:
            raise AcquisitionError(
                f"acquisition {self.id} belongs to process {self._process}, this is a fork of it: "
                "register images in the process that started the acquisition"
            )
        with self._lock:
            if self._ended:
                raise AcquisitionError(f"acquisition {self.id} has ended: start another one")
            self._spool.append(body)
            self._n_registered += 1
        self._sender.wake()

    def _own_controller(self) -> "Controller":
        from planecast_agent.controller import Controller

        with self._lock:
            if self._closed:
                raise AcquisitionError(f"acquisition {self.id} is closed: start another one")
            if self._controller is None:
                self._controller = Controller(
                    self._start.name, agent=self._address, identity=self._spool.publisher
                )
            return self._controller

    def _channel_number(self, channel: str | int) -> int:
        if not isinstance(channel, str):
            return _below(len(self._start.channels), "channel", as_int(channel))
        number = self._channels.get(channel)
        if number is None:
            listed = ", ".join(self._start.channels)
            raise AcquisitionError(f"channel {channel!r}: this acquisition has {listed}")
        return number


def _check_channels(channels: Sequence[str], channel_colors: Sequence[str | None] | None) -> None:
    if len(set(channels)) != len(channels):
        raise AcquisitionError(f"channels {list(channels)}: each name may appear once")
    if channel_colors is not None and len(channel_colors) != len(channels):
        raise AcquisitionError(f"{len(channel_colors)} channel_colors for {len(channels)} channels")


def _new_id(name: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:48] or "acquisition"
    return f"{slug}-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"


def _finite(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value) or value <= 0:
        raise AcquisitionError(f"{name} {value}: give a positive number, or None if not known")
    return float(value)


def _below(limit: int, axis: str, value: int) -> int:
    if not 0 <= value < limit:
        raise AcquisitionError(f"{axis} {value}: this acquisition has 0 to {limit - 1}")
    return value


def _is_usual(event: RegisterImage) -> bool:
    """Tell whether an image is sure to be understood by the agent, without trying.

    Its index is known to be one of the acquisition's, but for t.
    """
    source = event.source
    return (
        0 <= event.index.t <= MAX_COUNT
        and source.path.isascii()
        and len(source.path) <= MAX_PATH_CHARS
        and not source.index
        and source.scene == 0
        and source.page is source.size_bytes is source.mtime_ns is None
    )


def _encode_checked(event: Event) -> bytes:
    """Return the event's bytes, as sure to be understood by the agent."""
    try:
        body = encode(event)
        decode_event(body)
    except (BadMessageError, OverflowError, TypeError, UnicodeError) as trouble:
        raise AcquisitionError(str(trouble).removeprefix("not a message of ours: ")) from None
    if len(body) > MAX_EVENT_BYTES:
        raise AcquisitionError(
            f"the description takes {len(body)} bytes, {MAX_EVENT_BYTES} are allowed"
        )
    return body

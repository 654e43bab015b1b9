"""What a controller publishes: the events that the spool and the journal keep."""

from typing import Annotated, Literal

import msgspec

from planecast_protocol.axes import Count, PlaneIndex
from planecast_protocol.base import AcquisitionId, Message, Name, Text, WallTime
from planecast_protocol.limits import MAX_CHANNELS, MAX_FOVS
from planecast_protocol.planes import PlaneSource

Positive = Annotated[float, msgspec.Meta(gt=0)]


class StartAcquisition(Message, frozen=True, kw_only=True, tag="start"):
    """An acquisition begins. Its planes come as `RegisterImage`, in any order."""

    acquisition: AcquisitionId
    """Unique for ever; `Acquisition.start` makes one of the name, the time and random bits."""
    name: Name
    channels: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=MAX_CHANNELS)]
    num_z: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    num_t: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """`None`: runs until it is ended."""
    height: Count
    width: Count
    """Of a plane, in pixels. A channel may differ; the file decides."""
    fov_labels: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=MAX_FOVS)]
    """`well:fov`, such as `A1:0`."""
    dtype: Name | None = None
    pixel_size_um: Positive | None = None
    z_step_um: Positive | None = None
    time_interval_s: Positive | None = None
    channel_colors: list[Name | None] | None = None
    """`#rrggbb` for each channel, if the controller knows."""
    started_at: WallTime


class RegisterImage(Message, frozen=True, kw_only=True, tag="image"):
    """A plane was, or is about to be, saved. "Registered" never means "whole on disk"."""

    acquisition: AcquisitionId
    index: PlaneIndex
    source: PlaneSource
    registered_at: WallTime


class ResumeAcquisition(Message, frozen=True, kw_only=True, tag="resume"):
    """The acquisition goes on. Who says so says what follows, until it is resumed again."""

    acquisition: AcquisitionId
    life: Annotated[int, msgspec.Meta(ge=1, le=2**20)]
    """Counts its restarts. The sequence numbers of its events go on from `life << 40`."""
    resumed_at: WallTime
    source: Literal["controller", "rescan"] = "controller"
    """The controller, restarted; or a rescan, which found files that no controller registered."""


class EndAcquisition(Message, frozen=True, kw_only=True, tag="end"):
    """No more planes will come."""

    acquisition: AcquisitionId
    status: Literal["done", "aborted"] = "done"
    reason: Text = ""
    ended_at: WallTime


Event = StartAcquisition | RegisterImage | ResumeAcquisition | EndAcquisition

"""A command that somebody in front of the viewer wants to be carried out."""

from collections.abc import Mapping
from dataclasses import dataclass

from planecast_protocol.values import Scalar


@dataclass(frozen=True, eq=False)
class CommandWish:
    """Each is another one, however alike."""

    controller: str
    """`ControllerState.controller`."""
    name: str
    arguments: Mapping[str, Scalar]
    timeout_s: float

"""The version rule of the wire."""

from planecast_protocol.errors import VersionError

PROTOCOL_MAJOR = 1
"""Raised when a peer of the older version could misunderstand a message.

New messages and new optional fields don't raise it: unknown fields are ignored.
"""


def check_major(major: int) -> None:
    """Raise `VersionError`, which names both versions, for a major we don't speak."""
    if major != PROTOCOL_MAJOR:
        raise VersionError(
            f"the peer speaks protocol version {major}, this planecast speaks {PROTOCOL_MAJOR}: "
            "install the same major version of planecast on both machines"
        )

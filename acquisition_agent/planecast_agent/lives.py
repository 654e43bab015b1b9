"""How a publisher counts its events, over the lives of its controller.

A controller that was restarted goes on in its spool. The events of its n-th restart count from
`n << LIFE_BITS` on, and the first of them is a `ResumeAcquisition`. So an event that the agent
got, and that a power loss then took out of the spool, never shares its number with a later one.
"""

from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import ResumeAcquisition
from planecast_protocol.messages import decode_event

LIFE_BITS = 40
_TAG = b"\xa1k\xa6resume"


def first_of_life(life: int) -> int:
    """Return the number of the first event of a life; the controller's first life is 0."""
    return (life << LIFE_BITS) + 1


def begins_life(seq: int) -> bool:
    """Tell whether an event of this number may follow another than its predecessor."""
    return seq > 1 and (seq - 1) % (1 << LIFE_BITS) == 0


def life_begun_by(body: bytes) -> int | None:
    """Return the life that an event begins; `None`: it begins none."""
    if not body.startswith(_TAG, 1):
        return None
    try:
        event = decode_event(body)
    except BadMessageError:
        return None
    return event.life if isinstance(event, ResumeAcquisition) else None

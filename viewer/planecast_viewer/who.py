"""Which of all programs acquire and read what is shown."""

from planecast_protocol.state_messages import PartState
from planecast_viewer.session import Session


def controller_state(session: Session) -> str:
    """Return how the shown acquisition's controller is: live, silent or gone."""
    identity = "" if session.facts is None else session.facts.identity
    for summary in session.acquisitions:
        if summary.acquisition == identity:
            return summary.controller
    return "live"


def controller_part(session: Session) -> PartState | None:
    """Return the part that acquires what is shown; `None`: it is not known."""
    identity = "" if session.facts is None else session.facts.identity
    owners = {one.acquisition: one.owner for one in session.acquisitions}
    owner = owners.get(identity)
    return next((one for one in session.control.parts if one.part.part == owner), None)


def worker_part(session: Session) -> PartState | None:
    """Return the reader worker in use, if the agent watches it."""
    for one in session.control.parts:
        if one.part.kind == "worker" and one.part.name == session.worker_in_use:
            return one
    return None

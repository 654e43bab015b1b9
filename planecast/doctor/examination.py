"""All that is looked at, in order."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec

from planecast.doctor.clock import look_at_clock
from planecast.doctor.finding import ROLES, Finding, Patient, Role, bad, note
from planecast.doctor.folders import look_at_folders
from planecast.doctor.keys import look_at_keys
from planecast.doctor.libraries import look_at_libraries
from planecast.doctor.limits import look_at_limits
from planecast.doctor.memory import look_at_memory
from planecast.doctor.programs import look_at_programs
from planecast.doctor.roots import look_at_roots
from planecast.doctor.screen import look_at_screen
from planecast.doctor.settings import look_at_settings
from planecast_protocol.errors import ConfigurationError, PlanecastError

Look = Callable[[Patient], Iterator[Finding]]

LOOKS: tuple[tuple[str, Look], ...] = (
    ("settings", look_at_settings),
    ("libraries", look_at_libraries),
    ("limits", look_at_limits),
    ("folders", look_at_folders),
    ("keys", look_at_keys),
    ("roots", look_at_roots),
    ("shared memory", look_at_memory),
    ("clock", look_at_clock),
    ("display", look_at_screen),
    ("programs", look_at_programs),
)
_SIGNS: dict[Role, str] = {"reader": "tifffile", "viewer": "PySide6"}
"""What is there where an extra is installed."""


def patient_of(asked: frozenset[Role]) -> Patient:
    """Return what this machine is for: what was asked for, and what is installed."""
    installed = {role for role in ROLES if role not in _SIGNS or find_spec(_SIGNS[role])}
    return Patient(roles=asked | installed, asked=asked)


def examine(patient: Patient, only: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Yield what is found, one look after the other; `only` those of these names, or all."""
    for name, look in LOOKS:
        if only and name not in only:
            continue
        try:
            yield from look(patient)
        except ConfigurationError:
            yield note(name, "not looked at: the settings are wrong, see above")
        except PlanecastError as trouble:
            yield bad(name, trouble.message, "the sentence says it")
        except Exception as trouble:  # noqa: BLE001  one look that fails must not hide the others
            why = f"{type(trouble).__name__}: {trouble}"
            yield bad(name, f"could not be looked at: {why}", "planecast --debug doctor shows more")

"""The file of settings and the environment."""

from collections.abc import Iterator

from planecast.doctor.finding import Finding, Patient, bad, good
from planecast_protocol.configuration.loading import check_file, found_settings
from planecast_protocol.configuration.places import configuration_file
from planecast_protocol.errors import ConfigurationError

CHECK = "settings"


def look_at_settings(_patient: Patient) -> Iterator[Finding]:
    """Tell every trouble with the file, and the first with the environment."""
    try:
        file = configuration_file()
    except ConfigurationError as trouble:
        yield bad(CHECK, trouble.message, "correct or unset PLANECAST_CONFIG")
        return
    complaints = [] if file is None else check_file(file)
    for one in complaints:
        yield bad(CHECK, str(one), f"correct it; then: planecast config check {file}")
    if complaints:
        return
    try:
        said = found_settings()
    except ConfigurationError as trouble:
        yield bad(CHECK, trouble.message, "correct or unset that variable")
        return
    where = f"in {file}" if file else "no file"
    yield good(CHECK, f"{where}; {len(said)} settings differ from what is built in")

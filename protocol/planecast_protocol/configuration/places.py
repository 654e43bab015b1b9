"""Where the file of settings is."""

import os
from pathlib import Path

from planecast_protocol.errors import ConfigurationError

FILE_NAME = "planecast.toml"
VARIABLE = "PLANECAST_CONFIG"


def possible_files() -> list[Path]:
    """Return where a file would be found; the first that is there counts, alone."""
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named)]
    import platformdirs

    folder = os.environ.get("PLANECAST_CONFIG_DIR")
    user = Path(folder) if folder else platformdirs.user_config_path("planecast")
    return [user / FILE_NAME, platformdirs.site_config_path("planecast") / FILE_NAME]


def configuration_file() -> Path | None:
    """Return the file that counts, or `None` if there is none.

    Raises `ConfigurationError` if one was named that is not there.
    """
    files = possible_files()
    for file in files:
        if file.exists():
            return file
    if os.environ.get(VARIABLE):
        raise ConfigurationError(
            f"{VARIABLE}={files[0]}: there is no such file", path=str(files[0])
        )
    return None

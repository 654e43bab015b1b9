"""The settings of this machine: one typed TOML file, overridden by the environment and by flags.

| counts | |
|---|---|
| first | a program's flag, `planecast reader --readers 2` |
| then | an environment variable, `PLANECAST_READER_PROCESSES=2` |
| then | the file, `processes = 2` below `[reader]` |
| last | what is built in |

`schema.py` lists all settings. `configuration()` is what the environment and the file say.
"""

from planecast_protocol.configuration.loading import configuration
from planecast_protocol.configuration.roots import configured_roots, known_roots
from planecast_protocol.configuration.schema import Configuration

__all__ = ["Configuration", "configuration", "configured_roots", "known_roots"]

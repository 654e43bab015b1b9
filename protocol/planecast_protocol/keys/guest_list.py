"""The list of guests as a running program knows it: read again whenever the file changes."""

import hashlib
import logging
from collections.abc import Mapping

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guests import Guest

logger = logging.getLogger(__name__)

PREFIX_CHARS = 16


def id_prefix(public: bytes) -> str:
    """Return how the ids of a key's programs begin: nobody can write in another's name."""
    return hashlib.sha256(public).hexdigest()[:PREFIX_CHARS]


class GuestList:
    """Belongs to one thread. What can't be read, or might be somebody else's, lets nobody in."""

    def __init__(self, keys: KeyFolder) -> None:
        self._keys = keys
        self._seen: tuple[int, int, int] | None = None
        self._guests: Mapping[bytes, Guest] = {}
        self._by_name: Mapping[str, Guest] = {}
        self.trouble = ""
        """Why nobody is let in; empty: the list is in order."""

    def guests(self) -> Mapping[bytes, Guest]:
        """Return the guests by their public key, revoked ones too."""
        seen = self._look()
        if seen is None or seen != self._seen or self.trouble:
            self._seen = seen
            self._guests = self._read()
            self._by_name = {guest.name: guest for guest in self._guests.values()}
        return self._guests

    def by_name(self) -> Mapping[str, Guest]:
        """Return the guests by name, revoked ones too."""
        self.guests()
        return self._by_name

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._keys.allowed_file.stat()
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size)

    def _read(self) -> Mapping[bytes, Guest]:
        try:
            guests = {guest.key: guest for guest in self._keys.guests().values()}
        except (KeyFileError, OSError) as trouble:
            if str(trouble) != self.trouble:
                logger.warning("nobody is let in from other machines: %s", trouble)
            self.trouble = str(trouble)
            return {}
        self.trouble = ""
        return guests

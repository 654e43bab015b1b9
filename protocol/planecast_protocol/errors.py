"""The tree of errors, and how one of them crosses a process boundary.

Every error says in one sentence what is wrong with what, and the way out. A receiver
rebuilds the same class from `ErrorInfo`, so that `except NotYetWrittenError` works alike
in the reader process, in the client and in the viewer.
"""

from typing import ClassVar, Self

import msgspec


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An error on the wire."""

    code: str
    """Name of the class; an unknown one (a newer peer's) becomes a `PlanecastError`."""
    message: str
    path: str | None = None


class PlanecastError(Exception):
    """Base of all errors that planecast raises on purpose."""

    _by_code: ClassVar[dict[str, type["PlanecastError"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        PlanecastError._by_code[cls.__name__] = cls

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        """The file that the error is about, if it is about one."""

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (self.to_info(),))

    def to_info(self) -> ErrorInfo:
        """Return the form that crosses a process boundary."""
        path = None if self.path is None else _utf8(self.path)
        return ErrorInfo(code=type(self).__name__, message=_utf8(self.message), path=path)

    @classmethod
    def from_info(cls, info: ErrorInfo) -> "PlanecastError":
        """Rebuild the error that `to_info` described."""
        kind = cls._by_code.get(info.code, PlanecastError)
        return kind(info.message, path=info.path)


def _utf8(text: str) -> str:
    """Return text that can cross the wire: names of files may have bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _rebuild(info: ErrorInfo) -> PlanecastError:
    return PlanecastError.from_info(info)


# ---------------------------------------------------------------- the wire


class BadMessageError(PlanecastError):
    """Bytes that are no message of ours, or one beyond its bounds."""


class VersionError(BadMessageError):
    """A message of a protocol major that we don't speak."""


class BadPathError(BadMessageError):
    """A path that is not `alias:relative/posix/path`."""


class EndpointError(PlanecastError):
    """An address that can't be used: malformed, in use, or not allowed without keys."""


class ConfigurationError(PlanecastError):
    """A setting that can't be used; the message names its key and line, or its variable."""


class KeyFileError(EndpointError):
    """A key that is missing, or that can't be trusted: others could have read or written it."""


class UnreachableError(PlanecastError):
    """Nobody answers at the address, or the connection was lost."""


class AgentUnreachableError(UnreachableError):
    """The acquisition agent does not answer."""


class WorkerUnreachableError(UnreachableError):
    """The reader worker does not answer."""


# ---------------------------------------------------------------- events


class AcquisitionError(PlanecastError):
    """A call that does not fit its acquisition (unknown channel, ended, never started)."""


class SpoolDamagedError(PlanecastError):
    """A spool file is damaged in the middle; nothing was cut, the file is kept."""


class JournalFullError(PlanecastError):
    """The agent's disk is full; controllers go on spooling."""


# ---------------------------------------------------------------- state and commands


class NotPermittedError(PlanecastError):
    """The agent does not let this client do that; its operator decides."""


class StateError(PlanecastError):
    """A value of state, or the declaration of a command, that can't be published."""


class CommandError(PlanecastError):
    """A command that was not carried out, or not as far as is known."""


class CommandRefusedError(CommandError):
    """The command was not begun, and will not be.

    A handler may raise it before it does anything.
    """


class CommandFailedError(CommandError):
    """The controller's handler raised: what it did before that is done."""


class CommandTimeoutError(CommandError):
    """The controller did not answer in time; the message says whether it had begun."""


class CommandLostError(CommandError):
    """It is not known whether the command was carried out: agent or controller were lost."""


# ---------------------------------------------------------------- files and planes


class ReadError(PlanecastError):
    """A plane, tile, table or metadata could not be read."""

    @classmethod
    def of(cls, path: object, trouble: str) -> Self:
        """Build the error with the path in front of the trouble."""
        return cls(f"{path}: {trouble}", path=str(path))


class FileMissingError(ReadError):
    """There is no such file, and none was announced."""


class NotYetWrittenError(ReadError):
    """The plane is announced, but not (or not wholly) in its file yet. Ask again, or wait."""


class FileChangedError(ReadError):
    """The file is not the one that was registered: its pixels may be those of another plane."""


class NoDataError(ReadError):
    """The file has no such plane, and it will not come."""


class OutOfRangeError(NoDataError):
    """An index beyond the axis, or an axis that the scene does not have."""


class CorruptFileError(ReadError):
    """The file's content contradicts its format, or the file was cut."""


class UnsupportedFormatError(ReadError):
    """No reader knows this file, or the reader does not know this kind of content."""


class MissingLibraryError(ReadError):
    """The format's library is not installed; the message names the extra to install."""


class NotAllowedError(ReadError):
    """The path is outside the roots, not readable, or not a regular file or known folder."""


class TooLargeError(ReadError):
    """More pixels than the limits or the memory allow."""


class ReaderCrashedError(ReadError):
    """The reader process died on this file, twice. It was replaced; other files go on."""


class ReaderTimeoutError(ReadError):
    """The reader process exceeded its time on this file and was replaced."""


class QuarantinedError(ReadError):
    """This file crashed or hung its readers and is left alone for a while."""


class CancelledError(ReadError):
    """The request was withdrawn, by its client or by a newer request of the same view."""

"""Every message, one union, and its one encoder and decoder.

MessagePack maps on the wire. Nothing is used before it was decoded here, typed and bounded.
"""

import msgspec

from planecast_protocol.agent_messages import AgentMessage
from planecast_protocol.command_messages import CommandMessage
from planecast_protocol.errors import BadMessageError
from planecast_protocol.event_messages import Event
from planecast_protocol.reader_messages import ReaderMessage
from planecast_protocol.remote_messages import RemoteMessage
from planecast_protocol.retention_messages import RetentionMessage
from planecast_protocol.state_messages import StateMessage
from planecast_protocol.task_messages import TaskMessage
from planecast_protocol.version import PROTOCOL_MAJOR, check_major

AnyMessage = (
    Event
    | AgentMessage
    | RetentionMessage
    | StateMessage
    | CommandMessage
    | ReaderMessage
    | RemoteMessage
    | TaskMessage
)


class _Header(msgspec.Struct):
    v: int


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)
_event_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
_header_decoder = msgspec.msgpack.Decoder(_Header)

UNDECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)
"""What msgspec raises for bytes that are not what was asked for."""


def encode(message: AnyMessage) -> bytes:
    """Return the message as one MessagePack map."""
    return _encoder.encode(message)


def decode(body: bytes | memoryview) -> AnyMessage:
    """Return the message in `body`.

    Raises `VersionError` for another major, `BadMessageError` for anything else.
    """
    try:
        message = _decoder.decode(body)
    except UNDECODABLE as trouble:
        raise _explain(body, trouble) from None
    if message.v != PROTOCOL_MAJOR:
        check_major(message.v)
    return message


def decode_event(body: bytes | memoryview) -> Event:
    """Like `decode`, but only an event will do."""
    try:
        event = _event_decoder.decode(body)
    except UNDECODABLE as trouble:
        raise _explain(body, trouble) from None
    if event.v != PROTOCOL_MAJOR:
        check_major(event.v)
    return event


def _explain(body: bytes | memoryview, trouble: Exception) -> BadMessageError:
    """Tell another version apart from garbage: its fields may not be ours."""
    try:
        check_major(_header_decoder.decode(body).v)
    except BadMessageError as other_version:
        return other_version
    except UNDECODABLE:
        pass
    return BadMessageError(f"not a message of ours: {trouble}")

"""Values of state and commands are refused out of bounds."""

from typing import Any

import msgpack
import pytest

from planecast_protocol.errors import BadMessageError
from planecast_protocol.limits import (
    MAX_ARGUMENTS,
    MAX_COMMAND_S,
    MAX_COMMANDS,
    MAX_STATE_VALUE_BYTES,
    MAX_STATE_VALUES,
    MAX_VALUE_ITEMS,
)
from planecast_protocol.messages import decode
from planecast_protocol.state_messages import ControllerReport
from planecast_protocol.version import PROTOCOL_MAJOR

IDENTITY = "ab" * 16
REPORT = {
    "k": "report",
    "v": PROTOCOL_MAJOR,
    "request": 1,
    "controller": IDENTITY,
    "name": "Squid",
    "after": 0,
    "revision": 1,
}
ORDER = {"k": "order", "v": PROTOCOL_MAJOR, "request": 1, "command": IDENTITY, "name": "go"}


def entry(value: object) -> dict[str, Any]:
    return {"name": "stage", "value": value, "set_at": 1.0}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        1.5,
        "µm",
        [],
        [1, "a", None],
        {},
        {"x_um": 1.5, "homed": False},
        2**63 - 1,
    ],
)
def test_a_plain_value_is_taken_as_it_is(value: object):
    report = decode(msgpack.packb(REPORT | {"values": [entry(value)]}))

    assert isinstance(report, ControllerReport)
    assert report.values[0].value == value
    assert type(report.values[0].value) is type(value)


OUT_OF_BOUNDS = {
    "not a number": float("nan"),
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "beyond 63 bits": 2**63,
    "text too long": "x" * (MAX_STATE_VALUE_BYTES + 1),
    "bytes": b"raw",
    "list too long": [0] * (MAX_VALUE_ITEMS + 1),
    "list in a list": [[1]],
    "map too large": {str(n): n for n in range(MAX_VALUE_ITEMS + 1)},
    "map in a map": {"a": {"b": 1}},
    "map without a key": {"": 1},
    "map with numbers for keys": {1: 1},
    "not a number in a list": [float("nan")],
}


@pytest.mark.parametrize("value", OUT_OF_BOUNDS.values(), ids=OUT_OF_BOUNDS.keys())
def test_a_value_out_of_bounds_is_refused(value: object):
    with pytest.raises(BadMessageError):
        decode(msgpack.packb(REPORT | {"values": [entry(value)]}))


MESSAGES_OUT_OF_BOUNDS: dict[str, dict[str, Any]] = {
    "too many values": REPORT | {"values": [entry(1)] * (MAX_STATE_VALUES + 1)},
    "too many commands": REPORT | {"commands": [{"name": "go"}] * (MAX_COMMANDS + 1)},
    "command that is no name": REPORT | {"commands": [{"name": "rm -rf"}]},
    "too many arguments": REPORT
    | {
        "commands": [
            {
                "name": "go",
                "arguments": [{"name": f"a{n}", "kind": "int"} for n in range(MAX_ARGUMENTS + 1)],
            }
        ]
    },
    "argument of another kind": REPORT
    | {"commands": [{"name": "go", "arguments": [{"name": "a", "kind": "code"}]}]},
    "nameless controller": REPORT | {"name": ""},
    "order for too long": ORDER | {"remaining_s": MAX_COMMAND_S + 1},
    "order for no time": ORDER | {"remaining_s": -1.0},
    "order with a list": ORDER | {"remaining_s": 1.0, "arguments": {"a": [1]}},
}


@pytest.mark.parametrize(
    "message", MESSAGES_OUT_OF_BOUNDS.values(), ids=MESSAGES_OUT_OF_BOUNDS.keys()
)
def test_a_message_out_of_bounds_is_refused(message: dict[str, Any]):
    with pytest.raises(BadMessageError):
        decode(msgpack.packb(message))

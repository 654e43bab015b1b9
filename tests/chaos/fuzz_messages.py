"""Messages as hypothesis makes them of their declarations, and what becomes of them when bent.

Every message of the protocol is in here without being named: a new one is fuzzed at once.
"""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import inspect

from planecast_protocol.errors import BadMessageError
from planecast_protocol.messages import AnyMessage, decode, encode

MAX_ITEMS = 4
MAX_CHARS = 40
INTERESTING = (
    *(b"\x00", b"\xff", b"\xc0", b"\x80", b"\x90", b"\xc1", b"\x81\xa1k"),
    *(b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"),
    *(b"\xc6\x7f\xff\xff\xff", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + b"\0" * 7),
    *(b"\xcb\x7f\xf8" + b"\0" * 6, b"\xcb\x7f\xf0" + b"\0" * 6, b"\xa1\xff", b"\xc7\x04\x2aabcd"),
)
"""Lengths that lie, numbers at their ends, NaN, infinity, text that is none, extensions."""
BOMBS = (b"\x91" * 5000, b"\x81\xa1k" * 2000, b"\xdd\x00\x01\x00\x00" + b"\x80" * 65_536, b"")


def values(declared: inspect.Type) -> st.SearchStrategy[Any]:
    """Return what is allowed by a declaration, in MessagePack's own types."""
    match declared:
        case inspect.Metadata():
            return values(declared.type)
        case inspect.StructType():
            return _structs(declared)
        case inspect.UnionType():
            return st.one_of([values(one) for one in declared.types])
        case inspect.ListType() | inspect.VarTupleType():
            least = declared.min_length or 0
            return st.lists(values(declared.item_type), min_size=least, max_size=least + MAX_ITEMS)
        case inspect.TupleType():
            return st.tuples(*map(values, declared.item_types)).map(list)
        case inspect.DictType():
            keys, items = values(declared.key_type), values(declared.value_type)
            return st.dictionaries(keys, items, max_size=MAX_ITEMS)
        case inspect.LiteralType():
            return st.sampled_from(declared.values)
        case _:
            return _plain(declared)


def _plain(declared: inspect.Type) -> st.SearchStrategy[Any]:
    match declared:
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            least = -(2**31) if declared.ge is None else declared.ge
            return st.integers(least, 2**31 - 1 if declared.le is None else declared.le)
        case inspect.FloatType():
            least = declared.ge if declared.gt is None else declared.gt + 1.0
            return st.floats(least, allow_nan=False, allow_infinity=False)
        case inspect.StrType() if declared.pattern is not None:
            return st.from_regex(declared.pattern, fullmatch=True).filter(lambda s: len(s) < 64)
        case inspect.StrType():
            least = declared.min_length or 0
            return st.text(min_size=least, max_size=min(declared.max_length or 99, MAX_CHARS))
        case inspect.BytesType():
            return st.binary(max_size=MAX_CHARS)
        case _:
            return st.none() | st.integers(0, 99) | st.text(max_size=MAX_CHARS)


def _structs(declared: inspect.StructType) -> st.SearchStrategy[Any]:
    required = {one.encode_name: values(one.type) for one in declared.fields if one.required}
    optional = {one.encode_name: values(one.type) for one in declared.fields if not one.required}
    if declared.array_like:
        return st.tuples(*required.values(), *optional.values()).map(list)
    tag = {} if declared.tag_field is None else {declared.tag_field: declared.tag}
    optional.pop("v", None)
    version = {"v": 1} if declared.tag_field == "k" else {}
    return st.fixed_dictionaries(required, optional=optional).map(lambda got: tag | version | got)


KINDS = get_args(AnyMessage)
valid_messages: st.SearchStrategy[bytes] = st.one_of(
    [values(inspect.type_info(kind)) for kind in KINDS]
).map(msgspec.msgpack.encode)
"""Messages of every kind, encoded; hardly any of them is refused."""


def corpus(n_messages: int) -> list[bytes]:
    """Return that many valid messages, the same ones each time."""
    found: list[bytes] = []

    @settings(
        max_examples=n_messages,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(valid_messages)
    def collect(message: bytes) -> None:
        if len(message) < 8192 and is_message(message):
            found.append(message)

    collect()
    return found


def is_message(frame: bytes) -> bool:
    """Whether our decoder takes it."""
    try:
        decode(frame)
    except BadMessageError:
        return False
    return True


def bent(rng: random.Random, messages: list[bytes]) -> bytes:
    """Return noise, a bomb, or a message with some of its bytes changed, cut or put in."""
    kind = rng.random()
    if kind < 0.05:
        return rng.randbytes(rng.randrange(200))
    if kind < 0.06:
        return rng.choice(BOMBS)
    frame = bytearray(rng.choice(messages))
    for _ in range(rng.randrange(1, 5)):
        _bend(rng, frame, messages)
    return bytes(frame)


def _bend(rng: random.Random, frame: bytearray, messages: list[bytes]) -> None:
    at = rng.randrange(len(frame) + 1)
    match rng.randrange(5):
        case 0 if at < len(frame):
            frame[at] ^= 1 << rng.randrange(8)
        case 1:
            del frame[at : at + rng.randrange(1, 9)]
        case 2:
            frame[at:at] = rng.choice(INTERESTING)
        case 3:
            other = rng.choice(messages)
            frame[at:] = other[rng.randrange(len(other)) :]
        case _:
            del frame[at:]


def flood(seed: int, n_frames: int, wanted: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Yield that many bent messages, all of which are `wanted`; the same ones for each seed."""
    rng = random.Random(seed)
    messages = corpus(300)
    while n_frames:
        frame = bent(rng, messages)
        if wanted(frame):
            n_frames -= 1
            yield frame


def round_trips(frame: bytes) -> bool:
    """Whether a message is the same after decoding and encoding; `True` for what is none."""
    try:
        message = decode(frame)
    except BadMessageError:
        return True
    return decode(encode(message)) == message


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for number, seed in enumerate(corpus(1000)):
        (folder / f"seed-{number}").write_bytes(seed)

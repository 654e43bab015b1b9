"""Coverage-guided fuzzing of everything that decodes bytes of others, with atheris.

    python -m venv fuzz && fuzz/bin/pip install atheris hypothesis -e .
    fuzz/bin/python tests/chaos/fuzz_messages.py corpus          # valid messages to begin with
    fuzz/bin/python tests/chaos/atheris_decode.py corpus -max_total_time=600 -max_len=4096

Options are libFuzzer's. It ends at the first input by which a decoder raises anything but
`BadMessageError`, or whose message is another one after encoding, and writes it to a file.
`test_fuzz.py` asks the same of far fewer inputs, with every run of the tests.
"""

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["planecast_protocol"]):
    from planecast_protocol.columns import unpack
    from planecast_protocol.errors import BadMessageError
    from planecast_protocol.messages import decode, decode_event, encode
    from planecast_protocol.records import split_records
    from planecast_protocol.streams import HEADER, FrameDecoder


def one_input(data: bytes) -> None:
    """Give the bytes to every decoder."""
    try:
        message = decode(data)
    except BadMessageError:
        pass
    else:
        assert decode(encode(message)) == message
    for take in (
        decode_event,
        unpack,
        lambda frame: list(split_records(frame, 1024)),
        lambda frame: list(FrameDecoder().feed(frame)),
        lambda frame: list(FrameDecoder().feed(HEADER.pack(len(frame), 0) + frame)),
    ):
        with suppress(BadMessageError):
            take(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

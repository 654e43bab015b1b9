"""Makes a pair of keys."""

import zmq
from zmq.utils import z85

from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.folder import KeyFolder, OwnKey


def make_own_key(keys: KeyFolder) -> OwnKey:
    """Make the pair of this user on this machine.

    Raises `KeyFileError` if there is one already, which is kept, or where libzmq has no CURVE.
    """
    if not zmq.has("curve"):
        raise KeyFileError("this pyzmq has no CURVE: install the wheel of pyzmq from PyPI")
    public, secret = (z85.decode(half) for half in zmq.curve_keypair())
    own = OwnKey(public, secret)
    keys.write_own(own)
    return own

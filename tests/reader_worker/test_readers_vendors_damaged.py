"""Vendors' files, damaged at random: each is read in a process of its own, with limits."""

import random
import sys
from pathlib import Path

import pytest
from open_apart import open_apart

FILES = (
    "nd2/cluster_t3_z10_c2_31x38.nd2",
    "nd2/cerevisiae_2ch_256.nd2",
    "lif/leica_wavelength_sweep.lif",
    "oib/fv1000_3ch_256.oib",
)
OURS = {
    "ok", "CorruptFileError", "NotYetWrittenError", "NoDataError", "UnsupportedFormatError",
    "TooLargeError", "OutOfRangeError",
}  # fmt: skip
WHOLE_NUMBERS = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", bytes(4))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")


def damage(content: bytes, seed: int) -> bytes:
    """Change the directory of a file, at its beginning or its end, in a few places."""
    chance = random.Random(seed)
    changed = bytearray(content)
    first = chance.choice([0, len(content) - 8192])
    for _ in range(chance.choice([1, 3, 20])):
        place = first + chance.randrange(8192 - 4)
        changed[place : place + 4] = chance.choice([*WHOLE_NUMBERS, chance.randbytes(4)])
    return bytes(changed)


@pytest.mark.parametrize("name", FILES)
def test_damage_ends_no_process(tmp_path: Path, readers_data: Path, name: str):
    paths = [tmp_path / f"damaged{seed}{Path(name).suffix}" for seed in range(4)]
    for seed, path in enumerate(paths):
        path.write_bytes(damage((readers_data / name).read_bytes(), seed))
    assert set(open_apart(*paths)) <= OURS

"""Real files, damaged where it hurts native libraries: each is read in a process of its own."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from open_apart import open_apart


def directory_of(content: bytearray) -> int:
    position: int = struct.unpack_from("<q", content, 32 + 52)[0]
    return position


def set_int(where: Callable[[bytearray], int], value: int) -> Callable[[bytearray], None]:
    """Return a change that puts a 32-bit number there."""

    def change(content: bytearray) -> None:
        struct.pack_into("<i", content, where(content), value)

    return change


def first_entry(offset: int) -> Callable[[bytearray], int]:
    return lambda content: directory_of(content) + 32 + 128 + offset


def cut(share: float) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        del content[int(len(content) * share) :]

    return change


CZI_CHANGES = {
    "dimension count -1": set_int(first_entry(28), -1),
    "dimension count 1000000": set_int(first_entry(28), 1_000_000),
    "size of the first dimension -5": set_int(first_entry(32 + 8), -5),
    "stored size of the first dimension -1": set_int(first_entry(32 + 16), -1),
    "pixel type 99": set_int(first_entry(2), 99),
    "compression 77": set_int(first_entry(18), 77),
    "count of sub-blocks -1": set_int(lambda content: directory_of(content) + 32, -1),
    "only the header": cut(0.0004),
}


@pytest.mark.parametrize("name", ["celldivision_t3_z6_c1_zstd", "two_scenes_z2_251"])
@pytest.mark.parametrize("change", CZI_CHANGES)
def test_a_damaged_czi_ends_no_process(tmp_path: Path, readers_data: Path, name: str, change: str):
    content = bytearray((readers_data / "czi" / f"{name}.czi").read_bytes())
    CZI_CHANGES[change](content)
    path = tmp_path / "damaged.czi"
    path.write_bytes(content)
    errors = {"CorruptFileError", "NotYetWrittenError", "UnsupportedFormatError", "NoDataError"}
    assert set(open_apart(path)) <= errors


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
@pytest.mark.parametrize(
    "name", ["ometiff/ome_sample_4D_t7_z5_int8.ome.tiff", "imagej/z6_8bit_calibrated.tif"]
)
def test_a_cut_tiff_is_told_from_a_whole_one(
    tmp_path: Path, readers_data: Path, name: str, share: float
):
    content = bytearray((readers_data / name).read_bytes())
    cut(share)(content)
    path = tmp_path / Path(name).name
    path.write_bytes(content)
    # The first plane of a stack may be whole already.
    assert set(open_apart(path)) <= {"ok", "NotYetWrittenError", "CorruptFileError"}

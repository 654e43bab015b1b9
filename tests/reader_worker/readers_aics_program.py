"""Compare tiles and planetable of a CZI with aicspylibczi; run as a program, for it may crash.

Prints one JSON object: how many rows and tiles were compared, and what differs.
"""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
from aicspylibczi import CziFile

from planecast_reader.reader import allocate_in_memory
from planecast_reader.readers.czi.reader import CziReader
from planecast_reader.readers.czi.tiles import TileReader

POSITIONS = {
    "X[micron]": "StageXPosition",
    "Y[micron]": "StageYPosition",
    "Z[micron]": "FocusPosition",
}


def rows_of_aics(image: CziFile) -> list[list[Any]]:
    rows = []
    for dims, xml in image.read_subblock_metadata():
        text = xml.decode() if isinstance(xml, bytes) else xml
        root = ET.fromstring(text.rstrip("\0")) if text.rstrip("\0") else None
        values = [
            None if root is None else root.findtext(f".//{tag}") for tag in POSITIONS.values()
        ]
        rows.append(
            [dims.get(axis, 0) for axis in "SMTCZ"]
            + [None if value is None else float(value) for value in values]
        )
    return sorted(rows, key=lambda row: row[:5])


def rows_of_ours(reader: CziReader) -> list[list[Any]]:
    table = reader.read_planetable(None, norm_time=False)
    columns = [table[name] for name in ("S", "M", "T", "C", "Z")]
    rows = [
        [value or 0 for value in dims] + list(positions)
        for dims, positions in zip(
            zip(*columns, strict=True),
            zip(*(table[name] for name in POSITIONS), strict=True),
            strict=True,
        )
    ]
    return sorted(rows, key=lambda row: row[:5])


def main(path: Path) -> None:
    image, reader = CziFile(path), CziReader(path)
    theirs, ours = rows_of_aics(image), rows_of_ours(reader)
    without = TileReader(path, reader._file, reader._blocks, reader.open_decoder, use_aics=False)
    with_aics = TileReader(path, reader._file, reader._blocks, reader.open_decoder)
    n_tiles, different = 0, []
    for number, block in enumerate(reader._blocks):
        if block.is_layer0 and with_aics.is_safe_for_aics(block):
            n_tiles += 1
            mine = without.read(block, allocate_in_memory)
            if not np.array_equal(mine, with_aics._read_aics(block)):
                different.append(number)
    for one in (without, with_aics, reader):
        one.close()
    rows_differ = [[a, b] for a, b in zip(theirs, ours, strict=False) if a != b][:3]
    if len(theirs) != len(ours):
        rows_differ.append([len(theirs), len(ours)])
    print(json.dumps({"rows": len(ours), "rows_differ": rows_differ,
                      "tiles": n_tiles, "tiles_differ": different}))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What a CZI says of its acquisition, from its document and from its sub-blocks."""

from collections.abc import Sequence

from planecast_protocol.images import ImageInfo, SceneInfo
from planecast_protocol.metadata import (
    ImageMetadata,
    SceneMetadata,
    StagePosition,
    scene_metadata,
)
from planecast_reader.reader import Table
from planecast_reader.readers.czi.contents import Contents
from planecast_reader.readers.czi.planes import Scene
from planecast_reader.readers.czi.planetable import POSITIONS, TIME
from planecast_reader.readers.czi.xml import CziDocument
from planecast_reader.readers.plain import parse_xml_tree


def czi_metadata(
    contents: Contents, scenes: Sequence[Scene], info: ImageInfo, table: Table
) -> ImageMetadata:
    """Return the metadata; `table` is the planetable of all scenes, in absolute times."""
    document, xml = contents.document, contents.xml
    return ImageMetadata(
        acquisition_date=document.acquisition_date,
        microscope=document.microscope,
        software=document.software,
        objective=document.objective,
        scenes=[
            _scene(document, scene, described, table)
            for scene, described in zip(scenes, info.scenes, strict=True)
        ],
        vendor={
            "title": document.title,
            "document": parse_xml_tree(xml.rstrip(b"\0")) if xml.strip(b"\0") else None,
        },
        warnings=info.warnings,
    )


def _scene(
    document: CziDocument, scene: Scene, described: SceneInfo, table: Table
) -> SceneMetadata:
    rows = [row for row, number in enumerate(table["S"]) if number == scene.number]
    number = scene.number or 0
    return scene_metadata(
        described,
        significant_bits=document.significant_bits,
        well=document.wells.get(number),
        stage_positions=_stage(table, rows) or document.positions.get(number, []),
        timestamps_s=_timestamps(table, rows, scene.starts["T"], scene.sizes["T"]),
        time_interval_s=document.time_interval_s,
    )


def _stage(table: Table, rows: Sequence[int]) -> list[StagePosition]:
    """Return the position of each tile, from its first sub-block that tells one.

    One for every tile, as soon as any is known: some files tell it of a few tiles only.
    """
    found: dict[int, StagePosition] = {}
    tiles = {table["M"][row] or 0 for row in rows}
    x, y, z = (table[column] for column in POSITIONS)
    for row in rows:
        if x[row] is not None and y[row] is not None:
            position = StagePosition(x_um=x[row], y_um=y[row], z_um=z[row])
            found.setdefault(table["M"][row] or 0, position)
    return [found.get(tile, StagePosition()) for tile in sorted(tiles)] if found else []


def _timestamps(table: Table, rows: Sequence[int], first: int, n_times: int) -> list[float]:
    """Return the earliest time of each point, since the first; empty unless all are known."""
    times: dict[int, float] = {}
    for row in rows:
        time, t = table[TIME][row], (table["T"][row] or 0) - first
        if time is not None:
            times[t] = min(time, times.get(t, time))
    if sorted(times) != list(range(n_times)):
        return []
    return [times[t] - times[0] for t in range(n_times)]

"""Every image of a folder, without a window: a thumbnail, and a table of all.

pip install 'planecast[reader]'
python headless_batch.py /data/july thumbnails

A file that crashes its library, or is damaged, is a line in the table; the others go on.
"""

import csv
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs

import planecast

COLUMNS = ("file", "format", "scenes", "sizes", "dtype", "pixel_size_um", "mean", "trouble")


def main(folder: Path, out: Path) -> None:
    """Write `images.csv` and a PNG an image into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    # Threads wait for the worker's reader processes, which do the work.
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda path: look_at(path, out), files))
    with (out / "images.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    print(f"{len(rows)} images, {sum('trouble' in row for row in rows)} with troubles")


def look_at(path: Path, out: Path) -> dict[str, object]:
    """Return the table's row of one file."""
    try:
        with planecast.open_image(path) as image:
            scene = image.scenes[0]
            thumbnail = image.thumbnail(256, projection="max")
            (out / f"{path.name}.png").write_bytes(imagecodecs.png_encode(thumbnail))
            return {
                "file": path.name,
                "format": image.info.format,
                "scenes": len(image.scenes),
                "sizes": " ".join(f"{axis}={n}" for axis, n in scene.sizes.items()),
                "dtype": scene.dtype,
                "pixel_size_um": scene.pixel_size_um.get("x"),
                "mean": round(float(image.read_plane(scene=0).mean()), 2),
            }
    except planecast.errors.PlanecastError as trouble:
        return {"file": path.name, "trouble": str(trouble)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

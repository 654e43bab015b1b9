"""The verbs that read files: on one, on many, on folders, and on bad ones."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from imagecodecs import png_decode
from pylibCZIrw import czi

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SHAPE = (2, 2, 3, 40, 60)


def pixels_of(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 4000, shape).astype(np.uint16)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a worker that all of these use: starting one each takes longer than the tests."""
    address = f"unix://{tmp_path_factory.mktemp('w')}/w"
    command = [sys.executable, "-m", "planecast_reader", "--address", address, "--readers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready")
        yield address
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def planecast(
    planecast: Run, own_folders: Path, worker: str, monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.setenv("PLANECAST_CACHE_DIR", str(own_folders / "cache"))
    monkeypatch.setenv("PLANECAST_WORKER", worker)
    return planecast


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Write an OME-TIFF of every axis."""
    metadata = {
        "axes": "TCZYX",
        "Channel": {"Name": ["DAPI", "GFP"]},
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.5,
        "PhysicalSizeZ": 2.0,
    }
    path = tmp_path / "stack.ome.tif"
    tifffile.imwrite(path, pixels_of(*SHAPE), metadata=metadata, ome=True)
    return path


@pytest.fixture
def mosaic(tmp_path: Path) -> Path:
    path = tmp_path / "mosaic.czi"
    with czi.create_czi(str(path)) as document:
        for m in range(3):
            tile = pixels_of(20, 30, seed=m)[..., None]
            document.write(data=tile, plane={"C": 0, "T": 0, "Z": 0}, location=(25 * m, 0))
        document.write_metadata(document_name="test")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a folder of two images, one of them deeper, a broken one and a text."""
    top = tmp_path / "july"
    (top / "deep").mkdir(parents=True)
    for name in ("a.tif", "deep/b.tif"):
        tifffile.imwrite(top / name, pixels_of(40, 60), photometric="minisblack")
    (top / "broken.tif").write_bytes(b"II*\0" + b"\xff" * 100)
    (top / "notes.txt").write_text("of the day")
    return top


def done_well(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


# ---------------------------------------------------------------- many files


def test_info_of_many_files_goes_on_after_a_bad_one(planecast: Run, folder: Path, stack: Path):
    missing = folder / "nothing.tif"
    done = planecast("info", str(stack), str(missing), str(folder))
    assert done.returncode == 1
    assert "T=2 C=2 Z=3 Y=40 X=60 uint16" in done.stdout
    assert f"{folder / 'a.tif'}: tiff" in done.stdout
    assert "b.tif" not in done.stdout
    assert "notes.txt" not in done.stdout + done.stderr
    told = done.stderr.splitlines()
    assert told[0] == f"planecast: {missing}: no such file or folder"
    assert told[1].startswith(f"planecast: {folder / 'broken.tif'}: ")
    assert len(told) == 2


def test_info_as_json_of_many_files_is_a_list(planecast: Run, folder: Path):
    (folder / "broken.tif").unlink()
    facts = json.loads(done_well(planecast("info", "--json", "-r", str(folder))))
    assert [one["path"] for one in facts] == [str(folder / "a.tif"), str(folder / "deep/b.tif")]
    assert facts[0]["metadata"]["scenes"][0]["sizes"] == {"Y": 40, "X": 60}


def test_a_folder_may_be_named_by_going_up(planecast: Run, folder: Path):
    up = folder / "deep" / ".."
    assert f"{up / 'a.tif'}: tiff" in planecast("info", str(up)).stdout


def test_a_folder_that_is_one_image_is_not_looked_through(planecast: Run, tmp_path: Path):
    (tmp_path / "run" / "0").mkdir(parents=True)
    for z in range(2):
        tifffile.imwrite(tmp_path / "run" / "0" / f"A1_0_{z}_BF.tiff", pixels_of(40, 60))
    facts = json.loads(done_well(planecast("info", "--json", str(tmp_path / "run"))))
    assert facts["scenes"][0]["sizes"]["Z"] == 2
    (facts,) = json.loads(done_well(planecast("info", "--json", str(tmp_path))))
    assert facts["path"] == str(tmp_path / "run")


def test_a_folder_without_images_is_a_failure(planecast: Run, tmp_path: Path):
    done = planecast("info", str(tmp_path))
    assert done.returncode == 1
    assert (
        done.stderr
        == f"planecast: {tmp_path}: no image file in it; -r looks into its folders too\n"
    )


# ---------------------------------------------------------------- read


def test_read_writes_a_stack_as_npy(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "out.npy"
    assert done_well(planecast("read", str(stack), "-o", str(out))) == f"{out}\n"
    np.testing.assert_array_equal(np.load(out), pixels_of(*SHAPE))


def test_read_chooses_places(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "out.npy"
    places = ["-i", "T=1", "-i", "C=GFP,DAPI", "-i", "Z=1:"]
    done = planecast("read", str(stack), "-o", str(out), *places, "--json")
    assert json.loads(done_well(done))["shape"] == [2, 2, 40, 60]
    np.testing.assert_array_equal(np.load(out), pixels_of(*SHAPE)[1, ::-1, 1:])


def test_read_writes_ome_tiff_with_what_is_known(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "out.ome.tif"
    done_well(planecast("read", str(stack), "-o", str(out), "-i", "T=1", "-i", "C=GFP"))
    facts = json.loads(done_well(planecast("info", "--json", str(out))))
    (scene,) = facts["scenes"]
    assert scene["sizes"] == {"Z": 3, "Y": 40, "X": 60}
    assert scene["pixel_size_um"] == {"x": 0.5, "y": 0.5, "z": 2.0}
    assert [channel["name"] for channel in scene["channels"]] == ["GFP"]
    np.testing.assert_array_equal(tifffile.imread(out), pixels_of(*SHAPE)[1, 1])


def test_read_writes_tiff(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "out.tif"
    done_well(planecast("read", str(stack), "-o", str(out)))
    with tifffile.TiffFile(out) as tiff:
        assert tiff.series[0].axes == "TCZYX"
        np.testing.assert_array_equal(tiff.asarray(), pixels_of(*SHAPE))


def test_read_writes_one_plane_or_region_as_png(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "out.png"
    region = ["--region", "10,5,30,20"]
    done_well(planecast("read", str(stack), "-o", str(out), "-i", "Z=2", *region))
    np.testing.assert_array_equal(
        png_decode(out.read_bytes()), pixels_of(*SHAPE)[0, 0, 2, 5:25, 10:40]
    )


def test_read_takes_a_tile(planecast: Run, mosaic: Path, tmp_path: Path):
    out = tmp_path / "out.npy"
    done_well(planecast("read", str(mosaic), "-o", str(out), "--tile", "1"))
    np.testing.assert_array_equal(np.load(out).squeeze(), pixels_of(20, 30, seed=1))


def test_read_keeps_colours(planecast: Run, tmp_path: Path):
    rgb = pixels_of(40, 60, 3).astype(np.uint8)
    tifffile.imwrite(tmp_path / "rgb.tif", rgb, photometric="rgb")
    for name in ("out.png", "out.ome.tif", "out.npy"):
        done_well(planecast("read", str(tmp_path / "rgb.tif"), "-o", str(tmp_path / name)))
    np.testing.assert_array_equal(png_decode((tmp_path / "out.png").read_bytes()), rgb)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.ome.tif"), rgb)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), rgb)


def test_read_converts_a_folder(planecast: Run, folder: Path, tmp_path: Path):
    out = tmp_path / "arrays"
    done = planecast("read", "-r", str(folder), "-o", str(out), "--as", "npy")
    assert done.returncode == 1
    assert "broken.tif" in done.stderr
    written = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert written == [Path("a.tif.npy"), Path("deep/b.tif.npy")]
    np.testing.assert_array_equal(np.load(out / "deep" / "b.tif.npy"), pixels_of(40, 60))


def test_a_failed_read_leaves_nothing_behind(planecast: Run, tmp_path: Path):
    source = tmp_path / "a" / "float.tif"
    source.parent.mkdir()
    tifffile.imwrite(source, np.ones((40, 60), np.float32))
    done = planecast("read", str(source), "-o", str(tmp_path / "out" / "out.png"))
    assert done.returncode == 1
    assert done.stderr.startswith("planecast: PNG holds uint8 or uint16")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("read", "STACK"),
        ("read", "STACK", "-o", "out.jpg"),
        ("read", "STACK", "-o", "out.npy", "-i", "T"),
        ("read", "STACK", "-o", "out.npy", "--region", "1,2,3"),
        ("read", "STACK", "-o", "out", "--as", "gif"),
        ("read", "STACK", "STACK", "-o", "out", "--as", "npy"),
        ("thumbnail", "STACK", "--projection", "median"),
        ("thumbnail", "STACK", "-i", "T=DAPI"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(planecast: Run, stack: Path, words: tuple[str, ...]):
    done = planecast(*(str(stack) if word == "STACK" else word for word in words))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-i", "T=9"), "T has length 2"),
        (("-i", "C=Cy5"), "its channels are DAPI, GFP"),
        (("-i", "region=3"), "no axis region"),
        (("--scene", "4"), "no scene 4"),
    ],
    ids=str,
)
def test_places_that_are_none_are_failures(
    planecast: Run, stack: Path, tmp_path: Path, words: tuple[str, ...], message: str
):
    done = planecast("read", str(stack), "-o", str(tmp_path / "out.npy"), *words)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- thumbnail


def test_thumbnail_of_one_file(planecast: Run, stack: Path, tmp_path: Path):
    out = tmp_path / "small.png"
    options = ["--size", "30", "--projection", "max", "--channel", "GFP", "-i", "T=1"]
    assert done_well(planecast("thumbnail", str(stack), "-o", str(out), *options)) == f"{out}\n"
    picture = png_decode(out.read_bytes())
    assert picture.shape == (20, 30, 3)
    assert (picture[..., 0] == picture[..., 2]).all()  # one channel is gray
    assert picture.max() == 255


def test_thumbnails_of_a_folder(planecast: Run, folder: Path, tmp_path: Path):
    out = tmp_path / "thumbnails"
    done = planecast("thumbnail", "-r", str(folder), "-o", str(out), "--json")
    assert done.returncode == 1
    written = json.loads(done.stdout)
    assert [one["out"] for one in written] == [str(out / "a.tif.png"), str(out / "deep/b.tif.png")]
    assert all(png_decode(Path(one["out"]).read_bytes()).shape == (171, 256, 3) for one in written)


def test_a_thumbnail_without_a_missing_plane_is_told(planecast: Run, tmp_path: Path):
    with czi.create_czi(str(tmp_path / "gaps.czi")) as document:
        for z in (0, 2):
            plane = pixels_of(20, 30, seed=z)[..., None]
            document.write(data=plane, plane={"C": 0, "T": 0, "Z": z})
        document.write_metadata(document_name="test")
    out = tmp_path / "gaps.png"
    done = planecast("thumbnail", str(tmp_path / "gaps.czi"), "--projection", "max", "-o", str(out))
    assert done.returncode == 0
    assert "planecast: warning: " in done.stderr
    assert "made without 1 of 3 planes" in done.stderr
    assert out.exists()


# ---------------------------------------------------------------- tables


def test_tiles_of_one_file(planecast: Run, mosaic: Path):
    lines = done_well(planecast("tiles", str(mosaic))).splitlines()
    assert lines[0] == "scene,tile,x,y,width,height,x_um,y_um,z_um"
    assert [line.split(",")[1:6] for line in lines[1:]] == [
        [str(n), str(25 * n), "0", "30", "20"] for n in range(3)
    ]
    tiles = json.loads(done_well(planecast("tiles", "--json", str(mosaic))))
    assert [tile["x"] for tile in tiles] == [0, 25, 50]
    assert tiles[0]["x_um"] is None


def test_planetables_of_many_files_name_theirs(planecast: Run, mosaic: Path, tmp_path: Path):
    other = mosaic.with_name("other.czi")
    other.write_bytes(mosaic.read_bytes())
    out = tmp_path / "out.csv"
    assert done_well(planecast("planetable", str(mosaic), str(other), "-o", str(out))) == ""
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert rows[0][:2] == ["File", "Subblock"]
    assert [row[0] for row in rows[1:]] == [str(mosaic)] * 3 + [str(other)] * 3
    tables = json.loads(done_well(planecast("planetable", "--json", str(mosaic), str(other))))
    assert tables[str(other)]["xstart"] == [0, 25, 50]


def test_formats_tell_what_can_be_read(planecast: Run):
    listed = json.loads(done_well(planecast("formats", "--json")))
    tiff = next(one for one in listed if one["name"] == "tiff")
    assert tiff["available"]
    assert ".tif" in tiff["suffixes"]
    text = done_well(planecast("formats"))
    assert all(one["name"] in text for one in listed)


# ---------------------------------------------------------------- the process


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_terminal_is_shown_the_progress(planecast: Run, folder: Path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "planecast", "info", "-r", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a pseudo terminal says that it was closed
            while part := os.read(ours, 4096):
                shown += part
        os.close(ours)
        assert process.stdout is not None
        facts = process.stdout.read()
    assert process.returncode == 1
    assert b"reading" in shown
    assert b"%" in shown
    assert b"broken.tif" in shown
    assert "\x1b" not in facts
    assert "%" not in facts


def test_reading_loads_no_file_library_and_no_progress_bar_into_the_command_line(
    own_folders: Path, stack: Path, tmp_path: Path
):
    program = (
        "import sys; from planecast.cli import main\n"
        "try: main()\n"
        "finally: print(*{n.partition('.')[0] for n in sys.modules}, file=sys.stderr)"
    )
    words = ["read", str(stack), "-o", str(tmp_path / "out.npy")]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ,
    )
    loaded = set(done.stderr.split())
    assert "planecast_reader" in loaded
    assert not loaded & {"tifffile", "imagecodecs", "pylibCZIrw", "nd2", "pandas", "dask", "rich"}

"""Attacks on the roots: whatever a client names, no pixel and no byte from outside comes back."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from worker_rig import TIMEOUT_S, running_worker

from planecast_protocol import beneath
from planecast_protocol.errors import NotAllowedError, PlanecastError
from planecast_protocol.paths import check_wire_path, means_more_on_windows
from planecast_protocol.reader_messages import OpenImage, ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.front.file_facts import inspect

SECRET = 6666
INSIDE = 1111
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links as on POSIX")


class Site:
    """A root, and beside it what must not be read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.twin = folder / "root-twin"
        """Its name begins like the root's."""
        for one in (self.root, self.twin, folder / "out", folder / "out" / "plate"):
            one.mkdir()
        self.secret = folder / "out" / "secret.tif"
        for path, value in ((self.secret, SECRET), (self.root / "good.tif", INSIDE)):
            tifffile.imwrite(path, np.full((32, 32), value, np.uint16))
        (self.twin / "secret.tif").write_bytes(self.secret.read_bytes())
        (folder / "out" / "plate" / "secret.tif").write_bytes(self.secret.read_bytes())
        (self.root / "sub").mkdir()

    def link(self, name: str, target: object) -> str:
        (self.root / name).symlink_to(str(target))
        return f"data:{name}"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as folder:
        yield Site(Path(folder))


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[ReaderClient]:
    """A client of a worker that serves the root alone."""
    with running_worker("--cache-mib", "32", "--root", f"data={site.root}") as worker:
        client = ReaderClient(worker.address)
        yield client
        client.close()


# ---------------------------------------------------------------- names


def _escaped(site: Site) -> str:
    return str(site.secret).replace("/", r"\xaf")


NAMES: dict[str, Callable[[Site], str]] = {
    "parent": lambda _: "data:../out/secret.tif",
    "parent in the middle": lambda _: "data:sub/../../out/secret.tif",
    "many parents": lambda _: "data:" + "../" * 40 + "etc/passwd",
    "parent at the end": lambda _: "data:sub/..",
    "the root by a dot": lambda _: "data:.",
    "absolute": lambda site: f"data:{site.secret}",
    "absolute behind a name": lambda site: f"data:sub/{site.secret}",
    "two slashes": lambda site: f"data:/{site.secret}",
    "a slash at the end": lambda _: "data:../out/",
    "no alias": lambda site: str(site.secret),
    "empty alias": lambda site: f":{site.secret}",
    "unknown alias": lambda site: f"etc:{site.secret}",
    "the alias of private workers": lambda site: f"local:{str(site.secret)[1:]}",
    "alias in another case": lambda _: "DATA:good.tif",
    "alias with a space": lambda _: "data :good.tif",
    "alias of the parent": lambda _: "..:out/secret.tif",
    "two aliases": lambda site: f"data:local:{str(site.secret)[1:]}",
    "alias twice": lambda _: "data:data:../out/secret.tif",
    "a URL": lambda site: f"file://{site.secret}",
    "a URL behind the alias": lambda site: f"data:file://{site.secret}",
    "a URL of an object store": lambda _: "data:s3://bucket/secret.zarr",
    "NUL behind a good name": lambda _: "data:good.tif\0../../out/secret.tif",
    "NUL alone": lambda _: "data:\0",
    "backslashes": lambda _: "data:..\\out\\secret.tif",
    "drive": lambda _: "data:C:/Windows/win.ini",
    "drive without a slash": lambda _: "data:C:secret.tif",
    "UNC": lambda _: "data://host/share/secret.tif",
    "UNC with backslashes": lambda _: "data:\\\\host\\share\\secret.tif",
    "device namespace": lambda _: "data:\\\\?\\C:\\secret.tif",
    "trailing dots": lambda _: "data:.../out/secret.tif",
    "trailing space": lambda _: "data:.. /out/secret.tif",
    "leading space": lambda _: "data: ../out/secret.tif",
    "full-width dots": lambda _: "data:\uff0e\uff0e/out/secret.tif",
    "full-width slash": lambda _: "data:..\uff0fout\uff0fsecret.tif",
    "one-dot leaders": lambda _: "data:\u2024\u2024/out/secret.tif",
    "division slash": lambda _: "data:..\u2215out\u2215secret.tif",
    "per cent": lambda _: "data:%2e%2e/out/secret.tif",
    "escaped dots": lambda _: r"data:\x2e\x2e/out/secret.tif",
    "escaped slash": lambda _: r"data:..\x2fout\x2fsecret.tif",
    "overlong dots": lambda _: r"data:\xc0\xae\xc0\xae/out/secret.tif",
    "overlong slash": lambda _: r"data:..\xc0\xafout\xc0\xafsecret.tif",
    "high bytes": _escaped,
    "right-to-left override": lambda _: "data:\u202e../out/secret.tif",
    "variables": lambda _: "data:$HOME/secret.tif",
    "tilde": lambda _: "data:~root/.bashrc",
    "wildcards": lambda _: "data:../*/secret.tif",
    "very long": lambda _: "data:" + "a/" * 600 + "good.tif",
    "name of the twin": lambda _: "data:-twin/secret.tif",
}

# ---------------------------------------------------------------- what lies in the root


def _fifo(site: Site) -> str:
    os.mkfifo(site.root / "fifo.tif")
    return "data:fifo.tif"


def _socket(site: Site) -> str:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(site.root / "s.tif"))
    return "data:s.tif"


def _device(site: Site) -> str:
    if os.getuid():
        pytest.skip("only root can make a device")
    os.mknod(site.root / "zero.tif", 0o666 | 0o020000, os.makedev(1, 5))
    return "data:zero.tif"


def _chain(site: Site) -> str:
    for number in range(5):
        site.link(f"chain{number}.tif", f"chain{number + 1}.tif")
    return site.link("chain5.tif", site.secret).replace("5", "0")


def _circle(site: Site) -> str:
    site.link("circle1.tif", "circle2.tif")
    return site.link("circle2.tif", "circle1.tif")


def _through(site: Site) -> str:
    site.link("inner", "sub")
    (site.root / "sub" / "up").symlink_to("../../out")
    return "data:inner/up/secret.tif"


def _shared_hard_link(site: Site) -> str:
    folder = site.root / "drop"
    folder.mkdir()
    (folder / "hard.tif").hardlink_to(site.secret)
    folder.chmod(0o777)
    return "data:drop/hard.tif"


def _hard_link_in_anothers_folder(site: Site) -> str:
    if os.getuid():
        pytest.skip("only root can give folders away")
    folder = site.root / "anothers"
    folder.mkdir()
    (folder / "hard.tif").hardlink_to(site.secret)
    os.chown(folder, 12345, 12345)
    return "data:anothers/hard.tif"


def _fd_of_ours(site: Site) -> str:
    return site.link("fd.tif", f"/proc/{os.getpid()}/root{site.secret}")


THINGS: dict[str, Callable[[Site], str]] = {
    "link to a file": lambda site: site.link("file.tif", site.secret),
    "relative link to a file": lambda site: site.link("rel.tif", "../out/secret.tif"),
    "link to a folder": lambda site: site.link("folder", site.folder / "out") + "/secret.tif",
    "link to a folder, itself": lambda site: site.link("plate", site.folder / "out" / "plate"),
    "link to the file system": lambda site: site.link("all", "/") + str(site.secret),
    "link to the twin": lambda site: site.link("twin.tif", site.twin / "secret.tif"),
    "link to the parent": lambda site: site.link("up", "..") + "/out/secret.tif",
    "chain of links": _chain,
    "circle of links": _circle,
    "link through a link": _through,
    "magic link: root": lambda site: site.link("magic1", "/proc/self/root") + str(site.secret),
    "magic link: folder": lambda site: site.link("magic2", "/proc/self/cwd") + "/x.tif",
    "magic link: another process": _fd_of_ours,
    "magic link: descriptor": lambda site: site.link("fd3.tif", "/proc/self/fd/3"),
    "link to a device": lambda site: site.link("random.tif", "/dev/urandom"),
    "link to memory": lambda site: site.link("mem.tif", "/proc/self/mem"),
    "link to nothing": lambda site: site.link("none.tif", site.folder / "none"),
    "link with no end": lambda site: site.link("deep", "deep/deep"),
    "FIFO": _fifo,
    "socket": _socket,
    "device": _device,
    "hard link where all may write": _shared_hard_link,
    "hard link in another's folder": _hard_link_in_anothers_folder,
}

# ---------------------------------------------------------------- files that name other files


def _ome(site: Site, name: str, other: str) -> str:
    """Write a file of two planes, the second of which is said to be in another file."""
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="32" SizeY="32" '
        'SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstZ="0" IFD="0" PlaneCount="1"/>'
        f'<TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="{other}">urn:uuid:x</UUID>'
        "</TiffData></Pixels></Image></OME>"
    )
    pixels = np.full((32, 32), INSIDE, np.uint16)
    tifffile.imwrite(site.root / name, pixels, description=text, metadata=None)
    return f"data:{name}"


def _companion(site: Site) -> str:
    text = _ome(site, "part.ome.tif", "../out/secret.tif")
    with tifffile.TiffFile(site.root / text[5:]) as tiff:
        description = tiff.pages[0].description  # type: ignore[union-attr]
    (site.root / "set.companion.ome").write_text(description)
    return "data:set.companion.ome"


def _zarr(site: Site, name: str) -> Path:
    store = site.root / name
    (store / "0").mkdir(parents=True)
    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    multiscales = [
        {
            "version": "0.4",
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": scale}],
        }
    ]
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    (store / ".zattrs").write_text(json.dumps({"multiscales": multiscales}))
    array = {"zarr_format": 2, "shape": [32, 32], "chunks": [32, 32], "dtype": "<u2"}
    array |= {"compressor": None, "fill_value": 0, "order": "C", "filters": None}
    array["dimension_separator"] = "/"
    (store / "0" / ".zarray").write_text(json.dumps(array))
    (store / "0" / "0").mkdir()
    return store


def _raw_secret(site: Site) -> Path:
    raw = site.folder / "out" / "raw"
    raw.write_bytes(np.full((32, 32), SECRET, np.uint16).tobytes())
    return raw


def _zarr_chunk(site: Site) -> str:
    (_zarr(site, "chunk.zarr") / "0" / "0" / "0").symlink_to(_raw_secret(site))
    return "data:chunk.zarr"


def _zarr_row(site: Site) -> str:
    row = _zarr(site, "row.zarr") / "0" / "0"
    row.rmdir()
    (site.folder / "out" / "row").mkdir()
    (site.folder / "out" / "row" / "0").write_bytes(_raw_secret(site).read_bytes())
    row.symlink_to(site.folder / "out" / "row")
    return "data:row.zarr"


def _zarr_path(site: Site) -> str:
    store = _zarr(site, "path.zarr")
    outside = site.folder / "out" / "array"
    (store / "0").rename(outside)
    (outside / "0" / "0").write_bytes(_raw_secret(site).read_bytes())
    attributes = (store / ".zattrs").read_text()
    (store / ".zattrs").write_text(attributes.replace('"path": "0"', '"path": "../../out/array"'))
    return "data:path.zarr"


def _acquisition(site: Site) -> str:
    folder = site.root / "acquisition"
    (folder / "0").mkdir(parents=True)
    (folder / "acquisition parameters.json").write_text('{"Nz": 2, "Nt": 1, "dz(um)": 1.0}')
    good = (site.root / "good.tif").read_bytes()
    (folder / "0" / "A1_0_0_BF.tiff").write_bytes(good)
    (folder / "0" / "A1_0_1_BF.tiff").symlink_to(site.secret)
    return "data:acquisition"


def _plate(site: Site) -> str:
    folder = site.root / "hcs"
    (folder / "TimePoint_1").mkdir(parents=True)
    (folder / "TimePoint_1" / "p_A01_s1_w1.tif").symlink_to(site.secret)
    (folder / "TimePoint_1" / "p_A01_s2_w1.tif").symlink_to(site.secret)
    return "data:hcs"


def _plate_folder(site: Site) -> str:
    folder = site.root / "hcs2"
    folder.mkdir()
    name = "p_A01_s1_w1.tif"
    (site.folder / "out" / "plate" / name).write_bytes(site.secret.read_bytes())
    (folder / "TimePoint_1").symlink_to(site.folder / "out" / "plate")
    return "data:hcs2"


def _ndtiff(site: Site) -> str:
    """Write an index whose one plane is in a file outside, at the offset of its pixels."""
    import struct

    folder = site.root / "ndtiff"
    folder.mkdir()
    with tifffile.TiffFile(site.secret) as tiff:
        offset = tiff.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    axes, name = b'{"z": 0}', b"../../out/secret.tif"
    entry = struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
    entry += struct.pack("<IIIIIIII", offset, 32, 32, 1, 0, offset, 0, 0)
    (folder / "NDTiff.index").write_bytes(entry)
    (folder / "NDTiffStack.tif").write_bytes((site.root / "good.tif").read_bytes())
    return "data:ndtiff"


def _ndtiff_link(site: Site) -> str:
    wire = _ndtiff_named(site, "ndtiff2", b"NDTiffStack_1.tif")
    (site.root / "ndtiff2" / "NDTiffStack_1.tif").symlink_to(site.secret)
    return wire


def _ndtiff_named(site: Site, folder_name: str, name: bytes) -> str:
    import struct

    folder = site.root / folder_name
    folder.mkdir()
    with tifffile.TiffFile(site.secret) as tiff:
        offset = tiff.pages[0].dataoffsets[0]  # type: ignore[union-attr]
    axes = b'{"z": 0}'
    entry = struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
    entry += struct.pack("<IIIIIIII", offset, 32, 32, 1, 0, offset, 0, 0)
    (folder / "NDTiff.index").write_bytes(entry)
    return f"data:{folder_name}"


def _xlef(site: Site) -> str:
    (site.root / "p.xlef").write_text(
        '<LMSDataContainerHeader><Element Name="p"><Children>'
        '<Reference File="../out/secret.tif" UUID="1"/><Reference File="/etc/passwd" UUID="2"/>'
        "</Children></Element></LMSDataContainerHeader>"
    )
    return "data:p.xlef"


FORMATS: dict[str, Callable[[Site], str]] = {
    "OME-TIFF: parent": lambda site: _ome(site, "a.ome.tif", "../out/secret.tif"),
    "OME-TIFF: absolute": lambda site: _ome(site, "b.ome.tif", str(site.secret)),
    "OME-TIFF: link": lambda site: (
        site.link("c2.ome.tif", site.secret) and _ome(site, "c.ome.tif", "c2.ome.tif")
    ),
    "OME companion": _companion,
    "zarr: chunk is a link": _zarr_chunk,
    "zarr: folder of chunks is a link": _zarr_row,
    "zarr: path of the array": _zarr_path,
    "acquisition: plane is a link": _acquisition,
    "plate: file is a link": _plate,
    "plate: folder is a link": _plate_folder,
    "NDTiff: index names a file outside": _ndtiff,
    "NDTiff: file is a link": _ndtiff_link,
    "Leica: reference": _xlef,
}


def _leaks(client: ReaderClient, wire_path: str) -> list[object]:
    """Ask for all that could be behind a name; return what came that must not come."""
    leaked: list[object] = []
    for request in (
        OpenImage(request=0, path=wire_path),
        ReadPixels(request=0, path=wire_path),
        *(ReadPixels(request=0, path=wire_path, index={axis: 1}) for axis in "ZC"),
        ReadPixels(request=0, path=wire_path, scene=1),
    ):
        try:
            answer = client.request(request, TIMEOUT_S)
        except PlanecastError as refused:
            leaked += [refused] if "root:x:0:0" in str(refused) else []
            continue
        if isinstance(answer, PixelAnswer) and (answer.pixels == SECRET).any():
            leaked.append(request)
    return leaked


@pytest.mark.parametrize("attack", NAMES)
def test_no_name_leads_out(client: ReaderClient, site: Site, attack: str):
    wire_path = NAMES[attack](site)

    with pytest.raises(PlanecastError):
        inspect(wire_path, {"data": site.root})
    if attack != "very long":  # for which a client is cut off, again and again
        with pytest.raises(PlanecastError):
            client.request(ReadPixels(request=0, path=wire_path), TIMEOUT_S)


@pytest.mark.parametrize("attack", THINGS)
def test_nothing_in_the_root_leads_out(client: ReaderClient, site: Site, attack: str):
    wire_path = THINGS[attack](site)

    with pytest.raises(PlanecastError):
        inspect(wire_path, {"data": site.root})
    assert _leaks(client, wire_path) == []


@pytest.mark.parametrize("attack", FORMATS)
def test_no_file_names_another_outside(client: ReaderClient, site: Site, attack: str):
    assert _leaks(client, FORMATS[attack](site)) == []


def test_what_is_inside_is_read_by_links_too(client: ReaderClient, site: Site):
    site.link("good2.tif", site.root / "good.tif")
    site.link("good3.tif", "good.tif")
    (site.root / "sub" / "hard.tif").hardlink_to(site.root / "good.tif")

    for path in ("good.tif", "good2.tif", "good3.tif", "sub/hard.tif"):
        answer = client.request(ReadPixels(request=0, path=f"data:{path}"), TIMEOUT_S)
        assert isinstance(answer, PixelAnswer)
        assert (answer.pixels == INSIDE).all()


def test_a_name_is_bytes_and_not_what_it_looks_like(client: ReaderClient, site: Site):
    composed, apart = (unicodedata.normalize(form, "é.tif") for form in ("NFC", "NFD"))
    (site.root / composed).write_bytes((site.root / "good.tif").read_bytes())

    assert isinstance(
        client.request(ReadPixels(request=0, path=f"data:{composed}"), TIMEOUT_S), PixelAnswer
    )
    with pytest.raises(PlanecastError):
        client.request(ReadPixels(request=0, path=f"data:{apart}"), TIMEOUT_S)


@pytest.mark.parametrize(
    "part",
    ["C:", "C:x", "a.tif:stream", "NUL", "nul.tif", "COM1", "lpt9.x", ".. ", "a.", "a?", "CON "],
)
def test_what_windows_takes_for_more_than_a_name_is_known(part: str):
    assert means_more_on_windows(part)
    assert not means_more_on_windows(f"x{part.replace(':', '')}x".replace("?", ""))


def test_good_names_are_good_on_windows_too():
    for path in ("data:a/b c/λ.ome.tif", "data:Container/null.tif", "data:com10.tif"):
        _alias, relative = check_wire_path(path)
        assert not any(map(means_more_on_windows, relative.split("/")))


# ---------------------------------------------------------------- races


@pytest.mark.parametrize("way", ["openat2", "walk"])
def test_no_swapped_folder_leads_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
):
    """A folder is exchanged with a link, again and again, while it is opened."""
    monkeypatch.setattr(beneath, "_has_openat2", way == "openat2")
    root = tmp_path / "root"
    (root / "run").mkdir(parents=True)
    (root / "run" / "secret.tif").write_bytes(b"inside")
    with _swapping(root / "run", site.folder / "out"):
        outcomes = [_size_of(root) for _ in range(1500)]

    assert outcomes.count(6) > 0
    assert set(outcomes) <= {6, None}


def test_the_race_is_one_that_looking_first_would_lose(site: Site, tmp_path: Path):
    """The same, in the way of those who look first and then open: it does get out."""
    root = tmp_path / "root"
    (root / "run").mkdir(parents=True)
    (root / "run" / "secret.tif").write_bytes(b"inside")
    escaped = 0
    with _swapping(root / "run", site.folder / "out"):
        for _ in range(200_000):
            path = root / "run" / "secret.tif"
            try:
                if os.path.realpath(path).startswith(str(root)) and path.stat().st_size != 6:
                    escaped += 1
                    break
            except OSError:
                continue

    assert escaped


def _size_of(root: Path) -> int | None:
    try:
        return inspect("data:run/secret.tif", {"data": root}).signature[0]
    except PlanecastError:
        return None


def test_no_swapped_file_gets_into_a_reader(client: ReaderClient, site: Site):
    """A library opens by name, long after the front has looked: the kernel refuses it there."""
    folder = site.root / "race"
    folder.mkdir()
    (folder / "secret.tif").write_bytes((site.root / "good.tif").read_bytes())
    seen: set[int] = set()
    with _swapping(folder, site.folder / "out"):
        for turn in range(300):
            request = ReadPixels(request=0, path="data:race/secret.tif", revision=turn)
            try:
                answer = client.request(request, TIMEOUT_S)
            except PlanecastError:
                continue
            assert isinstance(answer, PixelAnswer)
            seen |= set(np.unique(answer.pixels).tolist())

    assert seen <= {INSIDE}


class _swapping:  # noqa: N801 read as a verb
    """A process that exchanges a folder with a link to `outside`, as fast as it can."""

    def __init__(self, folder: Path, outside: Path) -> None:
        program = (
            "import os, sys\n"
            "folder, outside = sys.argv[1:]\n"
            "while os.getppid() != 1:\n"
            "    os.rename(folder, folder + '-kept')\n"
            "    os.symlink(outside, folder)\n"
            "    os.unlink(folder)\n"
            "    os.rename(folder + '-kept', folder)\n"
        )
        self._command = [sys.executable, "-c", program, str(folder), str(outside)]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


# ---------------------------------------------------------------- where the kernel doesn't help


def test_without_landlock_names_are_looked_at(site: Site):
    program = (
        "import sys\nfrom pathlib import Path\n"
        "from planecast_reader.process import enclosure\n"
        "enclosure._enclose_by_name([Path(sys.argv[1]), *enclosure._own_places()])\n"
        "open(sys.argv[2]).close()\nimport tifffile\n"
        "for path in sys.argv[3:]:\n"
        "    try:\n        open(path, 'rb').close()\n"
        "    except PermissionError as refused:\n        print('refused', refused.filename)\n"
    )
    site.link("by-name.tif", site.secret)
    paths = [site.root / "good.tif", site.secret, site.root / "by-name.tif", "/etc/passwd"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(site.root), *map(str, paths)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=True, cwd="/",
    )  # fmt: skip

    secret = os.path.realpath(site.secret)
    assert done.stdout.splitlines() == [f"refused {secret}"] * 2 + ["refused /etc/passwd"]


def test_a_shut_in_process_is_so_by_the_kernel(site: Site):
    program = (
        "import sys, threading\nfrom pathlib import Path\n"
        "from planecast_reader.process.enclosure import enclose\n"
        "print(enclose([Path(sys.argv[1])]))\n"
        "def look():\n"
        "    for path in sys.argv[2:]:\n"
        "        try:\n            open(path, 'rb').close()\n            print('open')\n"
        "        except PermissionError:\n            print('refused')\n"
        "one = threading.Thread(target=look)\none.start()\none.join()\n"
    )
    paths = [site.root / "good.tif", site.secret, "/etc/passwd", "/proc/self/environ"]
    done = subprocess.run(
        [sys.executable, "-c", program, str(site.root), *map(str, paths)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=True, cwd=site.folder,
    )  # fmt: skip

    if done.stdout.startswith("False"):
        pytest.skip("no Landlock in this kernel")
    assert done.stdout.split() == ["True", "open", "refused", "refused", "refused"]


def test_hard_links_need_an_owner_who_could_have_made_them(tmp_path: Path):
    file = tmp_path / "a.tif"
    file.write_bytes(b"x")
    (tmp_path / "b.tif").hardlink_to(file)
    tmp_path.chmod(0o755)
    assert inspect("d:b.tif", {"d": tmp_path}).signature[0] == 1
    tmp_path.chmod(0o775)
    with pytest.raises(NotAllowedError, match="hard link"):
        inspect("d:b.tif", {"d": tmp_path})


def test_the_attacks_are_many():
    assert len(NAMES) + len(THINGS) + len(FORMATS) >= 80

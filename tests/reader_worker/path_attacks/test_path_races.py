"""Folders that are swapped for links while they are opened, and readers shut in by the kernel."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from attack_site import INSIDE, Site, Swapping
from worker_rig import TIMEOUT_S

from planecast_protocol import beneath
from planecast_protocol.errors import NotAllowedError, PlanecastError
from planecast_protocol.reader_messages import ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.front.file_facts import inspect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links as on POSIX")


@pytest.mark.parametrize("way", ["openat2", "walk"])
def test_no_swapped_folder_leads_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
):
    """A folder is exchanged with a link, again and again, while it is opened."""
    monkeypatch.setattr(beneath, "_has_openat2", way == "openat2")
    root = tmp_path / "root"
    (root / "run").mkdir(parents=True)
    (root / "run" / "secret.tif").write_bytes(b"inside")
    with Swapping(root / "run", site.folder / "out"):
        outcomes = [_size_of(root) for _ in range(1500)]

    assert outcomes.count(6) > 0
    assert set(outcomes) <= {6, None}


def test_the_race_is_one_that_looking_first_would_lose(site: Site, tmp_path: Path):
    """The same, in the way of those who look first and then open: it does get out."""
    root = tmp_path / "root"
    (root / "run").mkdir(parents=True)
    (root / "run" / "secret.tif").write_bytes(b"inside")
    escaped = 0
    with Swapping(root / "run", site.folder / "out"):
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
    with Swapping(folder, site.folder / "out"):
        for turn in range(300):
            request = ReadPixels(request=0, path="data:race/secret.tif", revision=turn)
            try:
                answer = client.request(request, TIMEOUT_S)
            except PlanecastError:
                continue
            assert isinstance(answer, PixelAnswer)
            seen |= set(np.unique(answer.pixels).tolist())

    assert seen <= {INSIDE}


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

"""What lies in the root and leads out of it, or is no file."""

import os
import socket
from collections.abc import Callable

import pytest
from attack_site import Site


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

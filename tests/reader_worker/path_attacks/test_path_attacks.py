"""Attacks on the roots: whatever a client names, no pixel and no byte from outside comes back."""

import sys
import unicodedata

import pytest
from attack_site import INSIDE, SECRET, Site
from attacks_by_files import FORMATS
from attacks_by_name import NAMES
from attacks_in_root import THINGS
from worker_rig import TIMEOUT_S

from planecast_protocol.errors import PlanecastError
from planecast_protocol.paths import check_wire_path, means_more_on_windows
from planecast_protocol.reader_messages import OpenImage, ReadPixels
from planecast_reader.client import PixelAnswer, ReaderClient
from planecast_reader.front.file_facts import inspect

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links as on POSIX")


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


def test_the_attacks_are_many():
    assert len(NAMES) + len(THINGS) + len(FORMATS) >= 80

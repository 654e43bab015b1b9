"""Which canvas is chosen, and why."""

import pytest
from PySide6.QtWidgets import QApplication

from planecast_viewer.canvas import choice as choice_module
from planecast_viewer.canvas import choose_canvas, install_canvas, installed_choice
from planecast_viewer.canvas.choice import is_software, remote_session


@pytest.fixture
def local_screen(monkeypatch: pytest.MonkeyPatch, qapp: QApplication):
    """Pretend that the screen has a graphics card."""
    for variable in (*choice_module.REMOTE_SESSION_VARIABLES, "SSH_CONNECTION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(choice_module, "PLATFORMS_WITHOUT_GL", frozenset())
    monkeypatch.setattr(choice_module, "gl_renderer", lambda: "NVIDIA RTX A4000/PCIe/SSE2")


def test_offscreen_gets_the_raster_canvas_even_if_vispy_is_wanted(qapp: QApplication) -> None:
    for wanted in ("auto", "vispy"):
        chosen = choose_canvas(wanted)
        assert chosen.kind == "raster"
        assert qapp.platformName() in chosen.why


def test_a_graphics_card_gets_vispy(local_screen: None) -> None:
    chosen = choose_canvas()
    assert chosen.kind == "vispy"
    assert "NVIDIA" in chosen.why


def test_raster_can_be_asked_for_anywhere(local_screen: None) -> None:
    assert choose_canvas("raster").kind == "raster"


def test_software_gl_gets_raster_unless_vispy_is_asked_for(
    local_screen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_module, "gl_renderer", lambda: "llvmpipe (LLVM 15.0.6)")
    chosen = choose_canvas()
    assert chosen.kind == "raster"
    assert "llvmpipe" in chosen.why
    assert choose_canvas("vispy").kind == "vispy"


def test_no_gl_at_all_gets_raster_whatever_is_asked_for(
    local_screen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_module, "gl_renderer", lambda: None)
    assert choose_canvas("auto").kind == "raster"
    assert choose_canvas("vispy").kind == "raster"


def test_a_remote_desktop_gets_raster_unless_vispy_is_asked_for(
    local_screen: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XRDP_SESSION", "1")
    chosen = choose_canvas()
    assert chosen.kind == "raster"
    assert "XRDP" in chosen.why
    assert choose_canvas("vispy").kind == "vispy"


@pytest.mark.parametrize(
    ("environ", "is_remote"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, False),
        ({"DISPLAY": "localhost:10.0"}, False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.2 5 10.0.0.1 22"}, True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.2 5 10.0.0.1 22"}, False),
        ({"DISPLAY": ":1", "VNCDESKTOP": "scope:1"}, True),
        ({"DISPLAY": ":1", "VNCDESKTOP": ""}, False),
        ({"XRDP_SOCKET_PATH": "/run/xrdp/sockdir"}, True),
        ({"X2GO_SESSION": "user-50"}, True),
    ],
)
def test_remote_screens_are_told_by_the_session(environ: dict[str, str], is_remote: bool) -> None:
    assert (remote_session(environ) is not None) == is_remote


@pytest.mark.parametrize(
    ("renderer", "expected"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("softpipe", True),
        ("Software Rasterizer", True),
        ("SVGA3D; build: RELEASE;  LLVM;", True),
        ("GDI Generic", True),
        ("Mesa Intel(R) UHD Graphics 630 (CFL GT2)", False),
        ("NVIDIA GeForce RTX 3090/PCIe/SSE2", False),
        ("AMD Radeon RX 6800 (radeonsi, navi21)", False),
    ],
)
def test_software_renderers_are_known_by_name(renderer: str, expected: bool) -> None:
    assert is_software(renderer) == expected


def test_the_reason_of_the_installed_canvas_can_be_read(ndv_offline: None) -> None:
    assert install_canvas("raster") == "raster"
    installed = installed_choice()
    assert installed is not None
    assert installed.kind == "raster"
    assert installed.why.endswith(".")

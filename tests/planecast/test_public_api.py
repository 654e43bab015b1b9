import subprocess
import sys

import pytest

import planecast


def loaded_by(program: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after `program`."""
    program += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_import_planecast_loads_nothing_heavy():
    beyond = loaded_by("import planecast") - loaded_by("import importlib")
    assert {name for name in beyond if name not in sys.stdlib_module_names} == {"planecast"}


def test_a_controllers_import_needs_no_numpy_and_no_qt():
    loaded = loaded_by("import planecast; planecast.Acquisition")
    assert "planecast_agent" in loaded
    assert not loaded & {"numpy", "tifffile", "PySide6", "qtpy", "planecast_reader"}
    assert not loaded & {"zmq", "rich", "typer", "tomllib"}  # needed later, or by others


@pytest.mark.parametrize("name", planecast.__all__)
def test_every_public_name_is_there(name: str):
    assert getattr(planecast, name) is not None
    assert name in dir(planecast)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'open_mind'"):
        planecast.open_mind  # noqa: B018


def test_a_missing_library_is_told_as_the_extra_to_install():
    program = "import sys; sys.modules['numpy'] = None; import planecast; planecast.open_image"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ImportError: planecast.open_image needs numpy: pip install 'planecast[reader]'" in (
        done.stderr
    )

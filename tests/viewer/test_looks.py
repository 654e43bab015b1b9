"""What people chose for a channel, remembered by its name."""

import json

import pytest

from planecast_viewer import looks as looks_module
from planecast_viewer.colormaps import CHOICES, name_of, named
from planecast_viewer.looks import Look, Looks, load, save


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "looks.json"


def test_look_of_a_channel_outlives_the_process(qapp, path):
    looks = Looks(path)
    looks.set("GFP", Look(gamma=0.7, limits=(100, 900), colormap="viridis"))
    looks.close()
    again = Looks(path)
    assert again.look("GFP") == Look(gamma=0.7, limits=(100, 900), colormap="viridis")
    assert again.look("DAPI") == Look()
    again.close()


def test_it_is_written_soon_and_not_only_at_the_end(qapp, path, qtbot, monkeypatch):
    monkeypatch.setattr(looks_module, "SAVE_AFTER_MS", 1)
    looks = Looks(path)
    looks.set("GFP", Look(gamma=0.7))
    qtbot.waitUntil(lambda: load(path) == {"GFP": Look(gamma=0.7)})
    looks.close()


def test_two_viewers_keep_each_others_channels(qapp, path):
    one, other = Looks(path), Looks(path)
    one.set("GFP", Look(gamma=0.7))
    one.close()
    other.set("DAPI", Look(gamma=2))
    other.close()
    assert load(path) == {"GFP": Look(gamma=0.7), "DAPI": Look(gamma=2)}


def test_change_is_told_once_and_no_change_is_not(qapp, qtbot):
    looks = Looks()
    with qtbot.waitSignal(looks.changed) as told:
        looks.set("GFP", Look(gamma=0.7))
    assert told.args == ["GFP"]
    with qtbot.assertNotEmitted(looks.changed):
        looks.set("GFP", Look(gamma=0.7))


def test_number_of_names_is_bounded_and_the_newest_stay(path):
    save(path, {f"c{n}": Look(gamma=2) for n in range(looks_module.MAX_REMEMBERED + 7)})
    kept = load(path)
    assert len(kept) == looks_module.MAX_REMEMBERED
    assert "c6" not in kept
    assert f"c{looks_module.MAX_REMEMBERED + 6}" in kept


@pytest.mark.parametrize(
    "text", ["", "[", "[1]", '{"GFP": {"gamma": -3}}', '{"GFP": {"gamma": "x"}}', "\xff"]
)
def test_file_that_is_damaged_is_no_reason_to_fail(qapp, path, text):
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    looks = Looks(path)
    assert looks.look("GFP") == Look()
    looks.set("GFP", Look(gamma=2))
    looks.close()
    assert json.loads(path.read_text())["GFP"]["gamma"] == 2


def test_folder_that_cannot_be_written_is_no_reason_to_fail(qapp, tmp_path, caplog):
    (tmp_path / "state").write_text("a file, where a folder is to be")
    looks = Looks(tmp_path / "state" / "looks.json")
    looks.set("GFP", Look(gamma=2))
    looks.close()
    assert "can't be saved" in caplog.text


@pytest.mark.parametrize("name", CHOICES)
def test_colormap_that_is_offered_can_be_remembered(name):
    kept = name_of(named(name))
    assert kept is not None
    assert [named(kept)(x).hex for x in (0.0, 0.3, 1.0)] == [
        named(name)(x).hex for x in (0.0, 0.3, 1.0)
    ]


@pytest.mark.parametrize("name", ["nobody:knows", "", "#12345", "no such"])
def test_unknown_colormap_is_none(name):
    assert named(name) is None

"""The file of settings, the environment over it, and what is said of troubles."""

import os
from pathlib import Path

import pytest

from planecast_protocol.configuration import configuration, configured_roots, known_roots
from planecast_protocol.configuration.loading import check_file, found_settings
from planecast_protocol.configuration.places import possible_files
from planecast_protocol.configuration.schema import Configuration
from planecast_protocol.configuration.showing import shown_settings
from planecast_protocol.configuration.table import settings
from planecast_protocol.configuration.toml_lines import lines_of_keys
from planecast_protocol.endpoints import default_agent_address, default_worker_address
from planecast_protocol.errors import ConfigurationError

EVERYTHING = """\
[roots]
data = "/data"
images = "~/images"

[folders]
keys = "/data/keys"
runtime = "/run/planecast"
spool = "/var/lib/planecast/spool"
state = "/var/lib/planecast/agent"
cache = "/var/cache/planecast"
settings = "/home/me/.config/planecast"

[agent]
address = "tcp://127.0.0.1:5810"
listen = ["tcp://127.0.0.1:5810", "tcp://*:5810"]
worker = ["tcp://127.0.0.1:5815"]
keep_days = 365
commands = false
announce = true

[reader]
address = "unix:///run/planecast/worker"
listen = [
    "unix:///run/planecast/worker",  # for this machine
    "tcp://127.0.0.1:5815",
]
processes = 3
cache_mib = 512
memory_mib = 2048
read_timeout_s = 20
shared_memory = "memfd"

[reader.formats]
czi = "czifile"
lif = "readlif"

[viewer]
canvas = "raster"
worker = "tcp://127.0.0.1:5815"

[watch]
folders = ["/data/squid"]
presets = ["squid-tiff"]
pattern = '{t}/{well}_{fov}.tif'
end_after_idle_s = 600
poll = true
settle_s = 5
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that counts; nothing is in it yet."""
    for setting in settings().values():
        monkeypatch.delenv(setting.variable, raising=False)
    path = tmp_path / "planecast.toml"
    path.touch()
    monkeypatch.setenv("PLANECAST_CONFIG", str(path))
    return path


def test_every_setting_can_stand_in_the_file(file: Path):
    file.write_text(EVERYTHING)

    assert check_file(file) == []
    assert found_settings().keys() == settings().keys()
    said = configuration()
    assert said.agent.keep_days == 365.0
    assert said.reader.listen[1] == "tcp://127.0.0.1:5815"
    assert said.reader.formats.czi == "czifile"
    assert said.roots["images"] == str(Path("~/images").expanduser())
    assert default_agent_address() == "tcp://127.0.0.1:5810"
    assert default_worker_address() == "unix:///run/planecast/worker"


def test_without_a_word_all_is_built_in(file: Path):
    assert configuration() == Configuration()


def test_a_variable_counts_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text("[reader]\nprocesses = 3\ncache_mib = 512\n")
    monkeypatch.setenv("PLANECAST_READER_PROCESSES", "5")
    monkeypatch.setenv("PLANECAST_READER_LISTEN", "unix:///a, tcp://127.0.0.1:5815")
    monkeypatch.setenv("PLANECAST_AGENT_COMMANDS", "false")

    said = configuration()

    assert (said.reader.processes, said.reader.cache_mib) == (5, 512)
    assert said.reader.listen == ["unix:///a", "tcp://127.0.0.1:5815"]
    assert said.agent.commands is False
    found = found_settings()
    assert found["reader.processes"].where == "PLANECAST_READER_PROCESSES"
    assert found["reader.cache_mib"].where == f"{file}:3"


def test_every_variable_is_of_one_setting():
    variables = [setting.variable for setting in settings().values()]

    assert len(set(variables)) == len(variables)
    assert all(name.startswith("PLANECAST_") for name in variables)


def test_roots_are_the_whole_file_system_unless_configured(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    assert configured_roots() == {"local": Path("/")}
    file.write_text('[roots]\ndata = "/data"\n')
    assert configured_roots() == {"data": Path("/data")}
    assert known_roots() == {"local": Path("/"), "data": Path("/data")}
    monkeypatch.setenv("PLANECAST_ROOTS", os.pathsep.join(["a=/a", "b=/b"]))
    assert configured_roots() == {"a": Path("/a"), "b": Path("/b")}


def test_the_first_file_that_is_there_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PLANECAST_CONFIG")
    monkeypatch.setenv("PLANECAST_CONFIG_DIR", str(tmp_path))
    assert possible_files()[0] == tmp_path / "planecast.toml"
    (tmp_path / "planecast.toml").write_text("[reader]\nprocesses = 7\n")
    assert configuration().reader.processes == 7


def test_a_named_file_that_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PLANECAST_CONFIG", str(tmp_path / "nothing.toml"))
    with pytest.raises(ConfigurationError, match=r"nothing\.toml: there is no such file"):
        configuration()


WRONG = {
    "unknown setting": ('[agent]\n\nadress = ""', 3, "agent.adress", "mean agent.address?"),
    "unknown table": ('[veiwer]\ncanvas = "gl"', 1, "veiwer", "no such table; did you mean viewer"),
    "wrong table": ('[reader]\ncanvas = "gl"', 2, "reader.canvas", "did you mean viewer.canvas?"),
    "nothing like it": ("[agent]\nzzz = 1", 2, "agent.zzz", "there is no such setting"),
    "a value for a table": ("agent = 1", 1, "agent", "this is a table: write [agent]"),
    "text for a number": ('[agent]\nkeep_days = "1"', 2, "agent.keep_days", "a number, got text"),
    "too small": ("[reader]\nprocesses = 0", 2, "reader.processes", "a whole number >= 1"),
    "no choice": ('[viewer]\ncanvas = "gl"', 2, "viewer.canvas", "one of auto, vispy, raster"),
    "no folder": ('[folders]\nspool = "spool"', 2, "folders.spool", "is no absolute folder"),
    "no agent": ('[agent]\naddress = "5810"', 2, "agent.address", "tcp://HOST:PORT or ipc://PATH"),
    "no worker": ('[reader]\nlisten = [\n"x"]', 2, "reader.listen", "unix://PATH or tcp://"),
    "no root": ('[roots]\na = "/a"\nb = "b"', 3, "roots.b", "'b' is no absolute folder"),
    "no alias": ('[roots]\n"a:b" = "/a"', 2, "roots.a:b", "a name without ':'"),
    "inline table": ("reader = { formats = { czy = 'x' } }", 1, "reader.formats.czy", "czi?"),
    "dotted key": ("[reader]\nformats.czi = 1", 2, "reader.formats.czi", "expected text"),
    "behind a long text": ('watch.pattern = """\n[a]\n"""\nx = 1', 4, "x", "no such setting"),
    "no TOML": ("[agent]\naddress = \n", 2, "", "this is no TOML"),
    "twice": ("[viewer]\n[agent]\n[viewer]", 3, "", "this is no TOML: Cannot declare"),
    "it ends early": ("[watch]\nfolders = [\n'/a',", 3, "", "this is no TOML"),
}


@pytest.mark.parametrize(("text", "line", "key", "why"), WRONG.values(), ids=WRONG.keys())
def test_a_trouble_is_told_with_its_line_and_key(
    file: Path, text: str, line: int, key: str, why: str
):
    file.write_text(text)

    (complaint,) = check_file(file)

    assert (complaint.line, complaint.key) == (line, key)
    assert why in complaint.why
    with pytest.raises(ConfigurationError, match=f"{file}:{line}: "):
        configuration()


def test_all_troubles_are_told_at_once(file: Path):
    file.write_text("a = 1\n[agent]\nb = 2\nkeep_days = 0\n")

    assert [(one.line, one.key) for one in check_file(file)] == [
        (1, "a"),
        (3, "agent.b"),
        (4, "agent.keep_days"),
    ]
    with pytest.raises(ConfigurationError, match=r"\(and 2 more\); see: planecast config check"):
        configuration()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PLANECAST_READER_PROCESSES", "many"),
        ("PLANECAST_AGENT", "nonsense"),
        ("PLANECAST_SPOOL_DIR", "here"),
        ("PLANECAST_WATCH_POLL", "perhaps"),
    ],
)
def test_a_wrong_variable_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
):
    monkeypatch.setenv(variable, text)
    with pytest.raises(ConfigurationError, match=f"^{variable}={text}: "):
        configuration()


def test_bytes_that_are_no_text_are_told(file: Path):
    file.write_bytes(b"\xff\xfe")
    (complaint,) = check_file(file)
    assert complaint.why.startswith("not UTF-8")


def test_a_file_that_is_none_is_told(tmp_path: Path):
    (complaint,) = check_file(tmp_path)
    assert "Is a directory" in complaint.why


def test_lines_of_keys_are_those_of_the_file():
    lines = lines_of_keys(EVERYTHING)

    numbered = EVERYTHING.splitlines()
    for key in settings():
        assert key.rpartition(".")[2] in numbered[lines[tuple(key.split("."))] - 1]


def test_shown_settings_say_where_each_comes_from(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text("[agent]\nkeep_days = 2\n")
    monkeypatch.setenv("PLANECAST_VIEWER_CANVAS", "raster")

    shown = {one.key: one for one in shown_settings({"agent.address": lambda: "computed"})}

    assert shown.keys() == settings().keys()
    days, canvas, address = (
        shown[key] for key in ("agent.keep_days", "viewer.canvas", "agent.address")
    )
    assert (days.value, days.origin, days.where) == (2.0, "file", f"{file}:2")
    assert (canvas.value, canvas.origin) == ("raster", "environment")
    assert (address.value, address.origin) == ("computed", "default")

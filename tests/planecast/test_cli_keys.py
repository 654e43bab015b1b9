"""`planecast keys`: who may come, whom we trust, and files that nobody else can read."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planecast.cli import keys as verb
from planecast.cli import main
from planecast_protocol.errors import KeyFileError
from planecast_protocol.keys.folder import KeyFolder
from planecast_protocol.keys.guest_list import GuestList
from planecast_protocol.keys.key import parse_key

KEY, OTHER, THIRD = "ab" * 32, "cd" * 32, "ef" * 32
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFolder:
    monkeypatch.setenv("PLANECAST_KEYS", str(tmp_path / "keys"))
    return KeyFolder()


def run(*words: str) -> str:
    done = CliRunner().invoke(verb.app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@posix_only
def test_the_secret_is_its_owners_alone_from_the_first_moment(keys: KeyFolder):
    before = os.umask(0)
    try:
        public = json.loads(run("init", "--json"))["public"]
        run("add", "alice", KEY)
        run("add", "scope-pc", OTHER, "--server")
    finally:
        os.umask(before)

    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    for file in keys.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    own = keys.own()
    assert own.public.hex() == public
    assert own.secret.hex() not in repr(own) + run("list") + run("list", "--json")


def test_a_key_that_is_there_is_kept(keys: KeyFolder):
    run("init")
    before = keys.own_file.read_bytes()

    with pytest.raises(KeyFileError, match="is kept"):
        run("init")
    assert keys.own_file.read_bytes() == before


@posix_only
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_secret_that_others_may_read_is_refused(keys: KeyFolder, mode: int):
    run("init")
    keys.own_file.chmod(mode)

    with pytest.raises(KeyFileError, match=f"chmod 600 {keys.own_file}"):
        keys.own()


@posix_only
def test_a_list_that_others_may_write_lets_nobody_in(keys: KeyFolder):
    run("add", "alice", KEY)
    guests = GuestList(keys)
    assert guests.by_name()["alice"].may == {"view"}

    keys.allowed_file.chmod(0o666)
    run_again = GuestList(keys)
    assert run_again.by_name() == {}
    assert "others may change it" in run_again.trouble
    keys.allowed_file.chmod(0o600)
    keys.folder.chmod(0o777)
    assert GuestList(keys).by_name() == {}


def test_guests_and_servers_are_listed_with_what_they_may(keys: KeyFolder):
    run("init")
    run("add", "alice", KEY, "--role", "command", "--role", "view")
    run("add", "scope-pc", OTHER, "--server")

    facts = json.loads(run("list", "--json"))
    assert facts["guests"] == [
        {"name": "alice", "key": KEY, "roles": ["view", "command"], "revoked": False}
    ]
    assert facts["servers"] == {"scope-pc": OTHER}
    assert "alice" in run("list")


def test_a_running_list_follows_the_commands(keys: KeyFolder):
    run("add", "alice", KEY)
    guests = GuestList(keys)
    assert parse_key(KEY) in guests.guests()

    run("revoke", "alice")
    assert guests.by_name()["alice"].may == frozenset()
    run("add", "alice", OTHER, "--role", "publish")
    assert guests.guests()[parse_key(OTHER)].may == {"publish"}
    assert parse_key(KEY) not in guests.guests()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "alice", "short"), "is no public key"),
        (("add", "alice", THIRD, "--role", "admin"), "'admin' is no role: choose among publish"),
        (("add", "al ice", KEY), "a name has up to 64"),
        (("add", "../alice", KEY), "a name has up to 64"),
        (("add", 'a"]\n[b', KEY), "a name has up to 64"),
        (("add", 'h"]\n[b', KEY, "--server"), "is no host"),
        (("add", "bob", OTHER), "with another key; planecast keys revoke bob first"),
        (("add", "bobby", KEY), "on the list as bob"),
        (("revoke", "nobody"), "no guest and no server 'nobody'"),
    ],
)
def test_mistakes_are_told_with_the_way_out(keys: KeyFolder, words: tuple[str, ...], why: str):
    run("add", "bob", KEY)

    with pytest.raises(KeyFileError, match=why):
        run(*words)
    assert json.loads(run("list", "--json"))["guests"][0]["name"] == "bob"


@pytest.mark.parametrize(
    "text",
    ["[alice", '[alice]\nkey = "x"', f'[alice]\nkey = "{KEY}"', f'[alice]\nkey = "{KEY}"\nroles=1',
     f'[alice]\nkey = "{KEY}"\nroles = ["root"]', "alice = 1",
     f'[a]\nkey = "{KEY}"\nroles = ["view"]\n[b]\nkey = "{KEY}"\nroles = ["command"]'],
)  # fmt: skip
def test_a_damaged_list_lets_nobody_in_and_is_named(keys: KeyFolder, text: str):
    run("add", "alice", KEY)
    keys.allowed_file.write_text(text)
    guests = GuestList(keys)

    assert guests.guests() == {}
    assert "allowed.toml" in guests.trouble


def test_the_folder_can_be_given_with_any_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PLANECAST_KEYS", str(tmp_path / "other"))
    commands = (["--keys", str(tmp_path), "keys", "init"], ["keys", "list", f"--keys={tmp_path}"])
    for words in commands:
        monkeypatch.setattr(sys, "argv", ["planecast", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
    assert (tmp_path / "own.key").exists()
    assert os.environ["PLANECAST_KEYS"] == str(tmp_path)
    assert KeyFolder().own().public.hex() in capsys.readouterr().out

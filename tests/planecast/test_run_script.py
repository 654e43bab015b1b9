import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["run", ".ci/run", "tests/fresh_debian/try.sh"]
SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_plain_shell(shell: str, script: str):
    command = [shell, "sh"] if shell == "busybox" else [shell]
    subprocess.run([*command, "-n", ROOT / script], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_started(script: str):
    assert (ROOT / script).stat().st_mode & 0o111


def test_help_names_every_command(tmp_path: Path):
    done = subprocess.run(
        [ROOT / "run", "help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert all(f"\n  {word} " in done.stdout for word in ("demo", "test", "lint", "bench", "help"))


def test_an_unknown_command_is_exit_code_2(tmp_path: Path):
    done = subprocess.run(
        [ROOT / "run", "brew"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ./run COMMAND")

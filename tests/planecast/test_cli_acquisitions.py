"""`planecast acquisitions`, with a real agent."""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from planecast_agent.acquisition import Acquisition

Planecast = Callable[..., "subprocess.CompletedProcess[str]"]
WAIT_S = 30.0


@pytest.fixture
def started(agent: str):
    """Start acquisitions that publish to the agent; they are closed after the test."""
    running: list[Acquisition] = []

    def start(name: str, **settings: object) -> Acquisition:
        arguments = {"channels": ["BF", "DAPI"], "num_z": 2, "height": 8, "width": 8}
        arguments["fov_labels"] = ["A1:0", "A1:1"]
        running.append(Acquisition.start(name, **(arguments | settings), agent=agent))
        return running[-1]

    yield start
    for acquisition in running:
        acquisition.close()


@pytest.fixture
def exp7(started: Callable[..., Acquisition]) -> Acquisition:
    """Run an acquisition of three planes to its end; one of them is registered twice."""
    acquisition = started("exp7", num_t=4)
    acquisition.register_image(0, 0, 0, "BF", "/data/a.tif", size_bytes=9, mtime_ns=7)
    acquisition.register_image(0, 0, 0, "DAPI", "/data/µ.tif", page=3)
    acquisition.register_image(1, 1, 1, "DAPI", "/data/c.czi", index={"T": 1, "H": 2})
    acquisition.register_image(0, 0, 0, "BF", "/data/a2.tif")
    acquisition.end()
    assert acquisition.wait_delivered(WAIT_S)
    return acquisition


def ok(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", [("acquisitions",), ("acquisitions", "list")], ids=" ".join)
def test_list_tells_what_there_is(planecast: Planecast, exp7: Acquisition, words: tuple[str, ...]):
    (line,) = ok(planecast(*words)).splitlines()
    assert line.endswith(f"exp7  {exp7.id}")
    assert " 4 planes " in line
    (one,) = json.loads(ok(planecast(*words, "--json")))
    assert (one["acquisition"], one["state"], one["planes"]) == (exp7.id, "done", 4)
    assert one["n_bytes"] > 400


@pytest.mark.parametrize("verb", ["list", "show", "forget", "export"])
def test_help_of_a_verb_has_an_example(planecast: Planecast, verb: str):
    assert f"Example: planecast acquisitions {verb}" in ok(
        planecast("acquisitions", verb, "--help")
    )


def test_show_tells_all_about_one(planecast: Planecast, exp7: Acquisition):
    shown = ok(planecast("acquisitions", "show", "exp7"))
    for text in (exp7.id, "done", "4 planes of 32", "BF, DAPI", "A1:0, A1:1", "in the journal"):
        assert text in shown
    facts = json.loads(ok(planecast("acquisitions", "show", "--json")))
    assert facts["start"]["channels"] == ["BF", "DAPI"]
    assert facts["summary"]["acquisition"] == exp7.id


def test_show_of_what_is_not_there_names_what_is(planecast: Planecast, exp7: Acquisition):
    done = planecast("acquisitions", "show", "nothing")
    assert done.returncode == 1
    assert "has no acquisition 'nothing'" in done.stderr
    assert exp7.id in done.stderr
    assert "Traceback" not in done.stderr


def test_export_has_a_row_for_each_plane_with_its_last_source(
    planecast: Planecast, exp7: Acquisition
):
    rows = list(csv.DictReader(io.StringIO(ok(planecast("acquisitions", "export", "exp7")))))

    told = [
        (row["t"], row["fov_label"], row["z"], row["channel_name"], row["path"]) for row in rows
    ]
    assert told == [
        ("0", "A1:0", "0", "DAPI", "local:data/µ.tif"),
        ("1", "A1:1", "1", "DAPI", "local:data/c.czi"),
        ("0", "A1:0", "0", "BF", "local:data/a2.tif"),
    ]
    assert rows[0]["page"] == "3"
    assert json.loads(rows[1]["index"]) == {"T": 1, "H": 2}
    assert rows[2]["size_bytes"] == ""
    assert rows[2]["registered_at"].startswith("20")


@pytest.mark.parametrize("kind", ["json", "jsonl", "parquet"])
def test_all_formats_say_the_same(
    planecast: Planecast, exp7: Acquisition, tmp_path: Path, kind: str
):
    out = tmp_path / f"planes.{kind}"
    ok(planecast("acquisitions", "export", exp7.id, "--format", kind, "--out", str(out)))

    match kind:
        case "json":
            written = json.loads(out.read_text("utf-8"))
            assert written["acquisition"]["name"] == "exp7"
            rows = written["planes"]
        case "jsonl":
            rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        case _:
            from pyarrow import parquet

            rows = parquet.read_table(out).to_pylist()
    assert [(row["t"], row["path"], row["page"]) for row in rows] == [
        (0, "local:data/µ.tif", 3),
        (1, "local:data/c.czi", None),
        (0, "local:data/a2.tif", None),
    ]
    assert list(tmp_path.iterdir()) == [out]


def test_parquet_is_not_printed(planecast: Planecast, exp7: Acquisition):
    assert planecast("acquisitions", "export", "--format", "parquet").returncode == 2


def test_export_of_an_acquisition_without_planes_is_a_header(
    planecast: Planecast, started: Callable[..., Acquisition]
):
    assert started("empty").wait_delivered(WAIT_S)

    (header,) = ok(planecast("acquisitions", "export", "empty")).splitlines()
    assert header.startswith("t,fov,fov_label,")
    assert json.loads(ok(planecast("acquisitions", "export", "-f", "json")))["planes"] == []


def test_forget_says_what_it_would_do_and_then_does_it(planecast: Planecast, exp7: Acquisition):
    assert f"would forget {exp7.id}" in ok(
        planecast("acquisitions", "forget", exp7.id, "--dry-run")
    )
    asked = planecast("acquisitions", "forget", exp7.id)
    assert asked.returncode == 2
    assert "add --yes" in asked.stderr
    assert len(json.loads(ok(planecast("acquisitions", "--json")))) == 1

    done = json.loads(ok(planecast("acquisitions", "forget", exp7.id, "--yes", "--json")))

    assert [one["acquisition"] for one in done["forgotten"]] == [exp7.id]
    assert done["forgotten"][0]["n_bytes"] > 400
    assert ok(planecast("acquisitions")) == ""


def test_forget_refuses_what_runs_unless_it_is_forced(
    planecast: Planecast, started: Callable[..., Acquisition], exp7: Acquisition
):
    running = started("running")
    assert running.wait_delivered(WAIT_S)
    refused = planecast("acquisitions", "forget", running.id, exp7.id, "--yes")
    assert refused.returncode == 1
    assert "is running" in refused.stderr
    assert refused.stdout == f"forgot {exp7.id}\n"

    ok(planecast("acquisitions", "forget", running.id, "--yes", "--force"))

    assert ok(planecast("acquisitions")) == ""


def test_forget_by_age_takes_what_is_older_only(planecast: Planecast, exp7: Acquisition):
    assert ok(planecast("acquisitions", "forget", "--older-than", "30d", "--yes")) == ""
    assert f"would forget {exp7.id}" in ok(
        planecast("acquisitions", "forget", "--older-than", "0h", "--dry-run")
    )


@pytest.mark.parametrize(
    "words",
    [(), ("--older-than", "soon"), ("x", "--older-than", "3d"), ("--older-than", "-3d")],
    ids=" ".join,
)
def test_wrong_usage_of_forget_is_exit_code_2(planecast: Planecast, words: tuple[str, ...]):
    done = planecast("acquisitions", "forget", *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["list", "show", "export"])
def test_without_an_agent_it_says_how_to_start_one(
    planecast: Planecast, own_folders: Path, verb: str
):
    done = planecast("acquisitions", verb)
    assert done.returncode == 1
    assert done.stderr.endswith("start one with: planecast agent\n")

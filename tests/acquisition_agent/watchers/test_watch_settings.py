"""What controllers write beside their pictures."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planecast_agent.watchers import micro_manager_summary, small_yaml, squid_settings
from planecast_agent.watchers.mounts import network_kind

SQUID_YAML = """# Acquisition Parameters - run

acquisition:
  experiment_id: run_2026-01-01
  skip_saving: false
objective:
  name: 20x
  pixel_size_um: 0.37
z_stack:
  nz: 5
  delta_z_mm: 0.0015
  config: FROM BOTTOM
  z_range_mm:
  - 1.5
  - 2.5
time_series:
  nt: 12
  delta_t_s: 60.0
channels:
- name: BF LED matrix full
  camera_settings:
    exposure_time_ms: 12.0
    display_color: '#FFFFFF'
- name: 'Fluorescence 488 nm Ex'
  illumination: {a: 1}
wellplate_scan:
  scan_size_mm: 1.0
  regions:
  - name: B2
    center_mm:
    - 10.0
    - 20.0
    shape: null
    fovs:
    - - 10.0
      - 20.0
      - 1.0
    - - 10.5
      - 20.0
      - 1.0
  - name: A10
    fovs:
    - - 1.0
      - 2.0
"""


def test_squid_settings_say_all_that_is_announced(tmp_path: Path):
    (tmp_path / "acquisition.yaml").write_text(SQUID_YAML)
    found = squid_settings.read_settings(tmp_path)
    assert found.channels == ("BF LED matrix full", "Fluorescence 488 nm Ex")
    assert found.fovs == ("A10:0", "B2:0", "B2:1")
    assert (found.num_z, found.num_t) == (5, 12)
    assert found.time_interval_s == 60
    assert found.pixel_size_um == 0.37
    assert found.z_step_um == pytest.approx(1.5)


def test_older_squid_settings(tmp_path: Path):
    parameters = {
        "Nz": 3, "Nt": 2, "dz(um)": 0.5, "dt(s)": 0,
        "sensor_pixel_size_um": 3.76, "tube_lens_mm": 50,
        "objective": {"magnification": 10, "tube_lens_f_mm": 180},
    }  # fmt: skip
    (tmp_path / "acquisition parameters.json").write_text(json.dumps(parameters))
    (tmp_path / "configurations.xml").write_text(
        '<modes><mode Name="BF" Selected="1"/><mode Name="GFP" Selected="0"/>'
        '<mode Name="DAPI" Selected="1"/></modes>'
    )
    (tmp_path / "coordinates.csv").write_text(
        "region,x (mm),y (mm),z (mm)\nA1,1.0,2.0,0\nA1,1.5,2.0,0\nB1,1.0,2.0,0\n"
    )
    found = squid_settings.read_settings(tmp_path)
    assert found.channels == ("BF", "DAPI")
    assert found.fovs == ("A1:0", "A1:1", "B1:0")
    assert (found.num_z, found.num_t, found.z_step_um) == (3, 2, 0.5)
    assert found.time_interval_s is None
    assert found.pixel_size_um == pytest.approx(3.76 / (10 * 50 / 180))


def test_half_written_settings_say_less_and_never_fail(tmp_path: Path):
    path = tmp_path / "acquisition.yaml"
    for cut in range(0, len(SQUID_YAML), 3):
        path.write_text(SQUID_YAML[:cut])
        found = squid_settings.read_settings(tmp_path)
        assert found.num_z in (None, 5)
        assert set(found.fovs) <= {"A10:0", "B2:0", "B2:1", "B:0", "A:0", "A1:0"}


def test_no_settings_say_nothing(tmp_path: Path):
    found = squid_settings.read_settings(tmp_path)
    assert not found.channels
    assert not found.fovs
    assert found.num_z is None


@given(st.text(max_size=300))
def test_any_text_is_read_as_yaml_without_fail(text: str):
    assert isinstance(small_yaml.parse(text), dict)


WORDS = st.from_regex(r"[a-z][a-z ]{0,9}[a-z]", fullmatch=True).filter(
    lambda text: text not in {"true", "false", "null", "nan", "inf", "infinity"}
)
VALUES = st.one_of(st.integers(-1000, 1000), st.booleans(), st.none(), WORDS)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True), VALUES, max_size=6))
def test_plain_values_are_read_back(mapping: dict[str, object]):
    words = {True: "true", False: "false", None: "null"}
    lines = [
        f"{key}: {words[value] if value is None or isinstance(value, bool) else value}"
        for key, value in mapping.items()
    ]
    assert small_yaml.parse("outer:\n" + "\n".join(f"  {line}" for line in lines)) == {
        "outer": mapping or None
    }


def test_the_summary_of_micro_manager_is_read_while_the_rest_is_written(tmp_path: Path):
    summary = {
        "ChNames": ["DAPI", "Cy5"], "Slices": 4, "Frames": 7, "Height": 512, "Width": 256,
        "PixelType": "GRAY16", "PixelSize_um": 0.1, "z-step_um": 0.3, "Interval_ms": 500.0,
        "StagePositions": [{"Label": "Pos0"}, {"Label": "Pos1"}],
    }  # fmt: skip
    text = json.dumps({"Summary": summary, "FrameKey-0-0-0": {"a": 1}}, indent=1)
    (tmp_path / "metadata.txt").write_text(text[:-20])
    found = micro_manager_summary.read_summary(tmp_path)
    assert found.channels == ("DAPI", "Cy5")
    assert found.fovs == ("Pos0:0", "Pos1:0")
    assert (found.num_z, found.num_t, found.height, found.width) == (4, 7, 512, 256)
    assert (found.dtype, found.z_step_um, found.time_interval_s) == ("uint16", 0.3, 0.5)
    for cut in range(0, len(text), 7):
        (tmp_path / "metadata.txt").write_text(text[:cut])
        assert micro_manager_summary.read_summary(tmp_path).num_z in (None, 4)


MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
//nas/lab /mnt/lab\\040share cifs rw 0 0
user@host: /mnt/ssh fuse.sshfs rw 0 0
/dev/sdb1 /mnt/nfs/local ext4 rw 0 0
/dev/fuse /mnt/ntfs fuseblk rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/data", None),
        ("/mnt/nfs/run", "nfs4"),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs2/run", None),
        ("/mnt/lab share/run", "cifs"),
        ("/mnt/ssh/a/b", "fuse.sshfs"),
        ("/mnt/nfs/local/run", None),
        ("/mnt/ntfs/run", None),
    ],
)
def test_shares_are_told_from_disks(tmp_path: Path, folder: str, kind: str | None):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert network_kind(Path(folder), mounts) == kind


def test_where_nobody_lists_the_mounts_it_is_a_disk(tmp_path: Path):
    assert network_kind(tmp_path, tmp_path / "none") is None

"""The language of file names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planecast_agent.watchers.pattern import Fields, Pattern, PatternError


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        (
            "{t}/{region}_{fov}_{z}_{channel}.tiff",
            "3/A1_0_2_Fluorescence_488_nm_Ex.tiff",
            Fields(3, 0, 2, "A1", "Fluorescence_488_nm_Ex"),
        ),
        ("{t:4}_{channel:DAPI|GFP}.tif", "0012_GFP.tif", Fields(t=12, channel="GFP")),
        ("{t:4}_{channel:DAPI|GFP}.tif", "012_GFP.tif", None),
        ("{t:4}_{channel:DAPI|GFP}.tif", "0012_BF.tif", None),
        ("{well}_{fov}.tif", "AA03_7.tif", Fields(fov=7, region="AA03")),
        ("{well}_{fov}.tif", "manual_7.tif", None),
        ("run*_{z}.tif", "run_of_monday_4.tif", Fields(z=4)),
        ("run*_{z}.tif", "run/4_4.tif", None),
        ("**{z}.tif", "any/depth/of/z4.tif", Fields(z=4)),
        ("{{{z}}}.tif", "{8}.tif", Fields(z=8)),
        ("a.b+({z})?.tif", "a.b+(1)?.tif", Fields(z=1)),
        ("{z}.tif", "1.tiff", None),
        ("{z}.tif", "99999999999999999999.tif", None),
        (r"re:t(?P<t>\d+)_c(?P<channel>\w+)\.tif", "t5_cBF.tif", Fields(t=5, channel="BF")),
        (r"re:t(?P<t>\d+)(_z(?P<z>\d+))?\.tif", "t5.tif", Fields(t=5)),
    ],
)
def test_a_name_is_understood_or_not(pattern: str, name: str, fields: Fields | None):
    assert Pattern(pattern).match(name) == fields


def test_a_region_that_is_known_decides_how_a_name_is_split():
    pattern = Pattern("{region}_{fov}_{z}_{channel}.tif")
    name = "my_1_2_3_BF.tif"
    assert pattern.match(name) == Fields(fov=2, z=3, region="my_1", channel="BF")
    assert pattern.match(name, {"my", "other"}) == Fields(fov=1, z=2, region="my", channel="3_BF")
    assert pattern.match(name, {"other"}) == Fields(fov=2, z=3, region="my_1", channel="BF")


@pytest.mark.parametrize(
    ("pattern", "position", "trouble"),
    [
        ("{t}/{fovv}.tif", 6, "'fovv' is none of t, fov, z, well, region, channel"),
        ("{t}_{t}.tif", 6, "'t' is there already"),
        ("{well}_{region}.tif", 9, "'region' is there already"),
        ("{t_{z}.tif", 1, "without its partner"),
        ("{t}}.tif", 4, "without its partner"),
        ("{t:x}.tif", 4, "'x' is no number of digits"),
        ("{t:0}.tif", 4, "'0' is no number of digits"),
        ("{channel:a||b}.tif", 10, "an empty name"),
        (r"re:(?P<q>\d)", 4, "group 'q' is none of"),
        ("re:(?P<t", 8, "missing >, unterminated name"),
    ],
)
def test_a_fault_is_told_with_its_position(pattern: str, position: int, trouble: str):
    with pytest.raises(PatternError) as caught:
        Pattern(pattern)
    first, shown, caret = caught.value.message.split("\n")
    assert trouble in first
    assert f"position {position}:" in first
    assert shown.strip() == pattern
    assert caret.index("^") == position + 1


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_fault(text: str):
    try:
        pattern = Pattern(text)
    except PatternError:
        return
    pattern.match("1/A1_0_2_BF.tiff", {"A1"})


@given(
    st.integers(0, 99999), st.integers(0, 9999), st.integers(0, 999),
    st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{0,8}", fullmatch=True),
    st.from_regex(r"[A-Za-z][A-Za-z0-9_ ]{0,20}[A-Za-z]", fullmatch=True),
)  # fmt: skip
def test_what_was_written_by_a_pattern_is_read_by_it(
    t: int, fov: int, z: int, region: str, channel: str
):
    name = f"{t}/{region}_{fov}_{z}_{channel}.tiff"
    found = Pattern("{t}/{region}_{fov}_{z}_{channel}.tiff").match(name, {region})
    assert found == Fields(t, fov, z, region, channel)

"""Sequences of useq in our words: fovs, channels, and which plane an event is."""

import warnings

import pytest

pytest.importorskip("useq", reason="useq-schema is not installed")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import useq

from planecast_agent.adapters.pymmcore_plus.sequence import Frame, plan_of

ONE_CAMERA = [""]


def planes(sequence, plan):
    """Return (t, fov label, z, channel) of each event."""
    found = []
    for number, event in enumerate(sequence):
        channel = None if event.channel is None else event.channel.config
        frame = Frame(number, event.index, event.pos_name, channel, 0)
        fov = plan.fov_labels[plan.fov_of(frame)]
        name = plan.channels[plan.channel_of(frame)]
        found.append((plan.time_of(frame), fov, frame.axes.get("z", 0), name))
    return found


def test_all_axes_with_their_units():
    sequence = useq.MDASequence(
        channels=["DAPI", "FITC"],
        stage_positions=[(0, 0, 0), useq.Position(x=1, y=1, z=0, name="left")],
        z_plan={"range": 4, "step": 2},
        time_plan={"interval": 1.5, "loops": 4},
    )
    plan = plan_of(sequence, ONE_CAMERA)
    assert list(plan.fov_labels) == ["0:0", "left:0"]
    assert list(plan.channels) == ["DAPI", "FITC"]
    assert (plan.num_t, plan.num_z, plan.z_step_um, plan.time_interval_s) == (4, 3, 2.0, 1.5)
    assert plan.n_expected == 4 * 2 * 3 * 2
    assert len(set(planes(sequence, plan))) == plan.n_expected


def test_wells_are_named_as_people_do():
    sequence = useq.MDASequence(
        stage_positions=useq.WellPlatePlan(
            plate=384,
            a1_center_xy=(0, 0),
            selected_wells=([0, 15], [0, 23]),
            well_points_plan=useq.GridRowsColumns(rows=1, columns=2, fov_width=1, fov_height=1),
        )
    )
    plan = plan_of(sequence, ONE_CAMERA)
    assert list(plan.fov_labels) == ["A1:0", "A1:1", "P24:0", "P24:1"]
    assert list(plan.channels) == ["image"]


def test_positions_with_sequences_of_their_own():
    sequence = useq.MDASequence(
        channels=["DAPI"],
        stage_positions=[
            (0, 0, 0),
            useq.Position(
                x=1,
                y=1,
                z=0,
                name="detail",
                sequence=useq.MDASequence(
                    grid_plan={"rows": 1, "columns": 3}, channels=["FITC", "DAPI"]
                ),
            ),
            useq.Position(x=2, y=2, z=0, sequence=useq.MDASequence(z_plan={"range": 2, "step": 1})),
        ],
    )
    plan = plan_of(sequence, ONE_CAMERA)
    assert list(plan.fov_labels) == ["0:0", "detail:0", "detail:1", "detail:2", "2:0"]
    assert list(plan.channels) == ["DAPI", "FITC"]
    assert plan.num_z == 3
    assert plan.n_expected is None
    found = planes(sequence, plan)
    assert len(set(found)) == len(found)
    assert (0, "detail:2", 0, "FITC") in found
    assert (0, "2:0", 2, "DAPI") in found


def test_sequence_without_an_end():
    sequence = useq.MDASequence(
        channels=["DAPI"], time_plan=useq.TIntervalDuration(interval=0, duration=1)
    )
    plan = plan_of(sequence, ONE_CAMERA)
    assert plan.num_t is None
    assert plan.n_expected is None


def test_a_channel_twice_and_several_cameras():
    sequence = useq.MDASequence(
        channels=[{"config": "DAPI", "exposure": 10}, {"config": "DAPI", "exposure": 100}]
    )
    assert list(plan_of(sequence, ONE_CAMERA).channels) == ["DAPI", "DAPI (2)"]
    plan = plan_of(sequence, ["red", "green"])
    assert list(plan.channels) == ["DAPI red", "DAPI green", "DAPI red (2)", "DAPI green (2)"]
    assert plan.channel_of(Frame(3, {"c": 1}, None, "DAPI", 1)) == 3


def test_planes_that_are_left_out_are_not_expected():
    sequence = useq.MDASequence(
        channels=["DAPI", {"config": "BF", "do_stack": False}], z_plan={"range": 2, "step": 1}
    )
    assert plan_of(sequence, ONE_CAMERA).n_expected is None

"""A command's arguments are what its controller declared, or they are refused."""

import pytest

from planecast_protocol.arguments import check_arguments, describe, parse_argument
from planecast_protocol.command_messages import ArgumentSpec, CommandSpec
from planecast_protocol.errors import CommandRefusedError
from planecast_protocol.values import Scalar

X = ArgumentSpec(name="x_um", kind="float", minimum=-100.0, maximum=100.0)
STEPS = ArgumentSpec(name="steps", kind="int", required=False, default=1, minimum=0.0)
MODE = ArgumentSpec(name="mode", kind="choice", choices=["fast", 2], required=False, default="fast")
WAIT = ArgumentSpec(name="wait", kind="bool", required=False, default=True)
NOTE = ArgumentSpec(name="note", kind="str", required=False, default="")
MOVE = CommandSpec(name="move", arguments=[X, STEPS, MODE, WAIT, NOTE])


def test_arguments_that_fit_are_passed_on():
    given: dict[str, Scalar] = {"x_um": 1.5, "steps": 3, "mode": 2, "wait": False, "note": "µ"}

    assert check_arguments(MOVE, given) == given


def test_what_is_left_out_is_left_to_the_handler():
    assert check_arguments(MOVE, {"x_um": 1.5}) == {"x_um": 1.5}


def test_a_whole_number_is_a_number():
    checked = check_arguments(MOVE, {"x_um": 3})

    assert checked == {"x_um": 3.0}
    assert type(checked["x_um"]) is float


WRONG: dict[str, tuple[dict[str, Scalar], str]] = {
    "missing": ({}, "move needs x_um"),
    "unknown": ({"x_um": 1.0, "y_um": 2.0}, "no argument y_um: it takes x_um, steps"),
    "text for a number": ({"x_um": "1"}, "x_um = '1': it must be a number, -100 to 100"),
    "true for a number": ({"x_um": True}, "x_um = True"),
    "nothing for a number": ({"x_um": None}, "x_um = None"),
    "too small": ({"x_um": -101.0}, "-100 to 100"),
    "too large": ({"x_um": 100.5}, "-100 to 100"),
    "not a number": ({"x_um": float("nan")}, "x_um = nan"),
    "infinite": ({"x_um": float("inf")}, "x_um = inf"),
    "a part of a step": ({"x_um": 1.0, "steps": 1.5}, "a whole number, at least 0"),
    "true for steps": ({"x_um": 1.0, "steps": True}, "steps = True"),
    "another mode": ({"x_um": 1.0, "mode": "slow"}, "one of fast, 2"),
    "a mode of another type": ({"x_um": 1.0, "mode": "2"}, "one of fast, 2"),
    "one for true": ({"x_um": 1.0, "wait": 1}, "true or false"),
    "number for text": ({"x_um": 1.0, "note": 1}, "it must be text"),
}


@pytest.mark.parametrize(("given", "why"), WRONG.values(), ids=WRONG.keys())
def test_arguments_that_do_not_fit_are_refused(given: dict[str, Scalar], why: str):
    with pytest.raises(CommandRefusedError, match=why.replace("(", r"\(")):
        check_arguments(MOVE, given)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        (X, "1.5", 1.5),
        (X, "-3", -3.0),
        (X, "1e2", 100.0),
        (STEPS, "7", 7),
        (MODE, "fast", "fast"),
        (MODE, "2", 2),
        (WAIT, "yes", True),
        (WAIT, "False", False),
        (NOTE, "true", "true"),
    ],
)
def test_what_people_write_is_understood(spec: ArgumentSpec, text: str, value: Scalar):
    parsed = parse_argument(spec, text)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("spec", "text"),
    [(X, "far"), (X, "101"), (X, "nan"), (X, "inf"), (STEPS, "1.5"), (MODE, "slow"), (WAIT, "1")],
)
def test_what_people_write_wrongly_is_refused(spec: ArgumentSpec, text: str):
    with pytest.raises(CommandRefusedError, match=spec.name):
        parse_argument(spec, text)


def test_an_argument_is_described():
    assert describe(X) == "a number, -100 to 100"
    assert describe(STEPS) == "a whole number, at least 0"
    assert describe(ArgumentSpec(name="a", kind="float", maximum=0.5)) == "a number, at most 0.5"
    assert describe(MODE) == "one of fast, 2"
    assert describe(NOTE) == "text"

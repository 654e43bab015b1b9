"""A command is described by its handler, or refused where its types can't be understood."""

import functools
from typing import Annotated, Literal, Optional

import msgspec
import pytest

from planecast_agent.handlers import describe_handler
from planecast_protocol.command_messages import ArgumentSpec
from planecast_protocol.errors import StateError


def move_stage(
    x_um: float,
    steps: Annotated[int, msgspec.Meta(ge=1, le=10, description="how many")] = 1,
    mode: Literal["fast", "slow"] = "slow",
    z_um: float | None = None,
    name: Optional[str] = None,  # noqa: UP045 - the older spelling is understood too
    *,
    wait: bool = True,
) -> None:
    """Move the stage.

    It takes a while.
    """


def test_arguments_are_described_by_their_annotations():
    spec = describe_handler("move_stage", move_stage)

    assert spec.arguments == [
        ArgumentSpec(name="x_um", kind="float"),
        ArgumentSpec(
            name="steps",
            kind="int",
            required=False,
            default=1,
            minimum=1.0,
            maximum=10.0,
            text="how many",
        ),
        ArgumentSpec(
            name="mode", kind="choice", choices=["fast", "slow"], required=False, default="slow"
        ),
        ArgumentSpec(name="z_um", kind="float", required=False),
        ArgumentSpec(name="name", kind="str", required=False),
        ArgumentSpec(name="wait", kind="bool", required=False, default=True),
    ]
    assert spec.text == "Move the stage."


def test_types_may_be_given_apart():
    spec = describe_handler(
        "go", lambda x, y=2: None, {"x": float, "y": Literal[1, 2]}, text="Go there."
    )

    assert [(one.name, one.kind) for one in spec.arguments] == [("x", "float"), ("y", "choice")]
    assert spec.text == "Go there."


class Stage:
    """Moves."""

    def home(self, axis: Literal["x", "y"]) -> None:
        """Find the reference."""

    def __call__(self, x_um: float) -> None:
        """Move there."""


@pytest.mark.parametrize(
    ("handler", "names", "text"),
    [
        (Stage().home, ["axis"], "Find the reference."),
        (Stage(), ["x_um"], "Move there."),
        (functools.partial(move_stage, 1.0, mode="fast"), None, "Move the stage."),
    ],
    ids=["a method", "an object", "a partial"],
)
def test_whatever_can_be_called_is_a_handler(handler, names: list[str] | None, text: str):
    spec = describe_handler("go", handler)

    assert spec.text == text
    given = [one.name for one in spec.arguments]
    assert given == (names or ["steps", "mode", "z_um", "name", "wait"])


@pytest.mark.parametrize(
    ("name", "moves"),
    [("move_stage", True), ("Home", True), ("stage_up", True), ("set_exposure", False)],
)
def test_what_moves_something_is_confirmed(name: str, moves: bool):
    assert describe_handler(name, lambda: None).confirm is moves
    assert describe_handler(name, lambda: None, confirm=not moves).confirm is not moves


def takes_list(x: list[int]) -> None: ...
def takes_two(x: int | str) -> None: ...
def takes_any(x): ...
def takes_position(x: int, /) -> None: ...
def has_odd_default(x: str = object()) -> None: ...  # type: ignore[assignment]
def has_list_default(x: str = [1]) -> None: ...  # type: ignore[assignment]
def names_nothing(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def chooses_bytes(x: Literal[b"a"]) -> None: ...


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (takes_list, "int, float, str, bool or Literal is possible"),
        (takes_two, "int, float, str, bool or Literal is possible"),
        (takes_any, "argument x has no type: annotate it"),
        (takes_position, "it can't be given by name"),
        (has_odd_default, "argument x"),
        (has_list_default, "is no single value"),
        (names_nothing, "the types of its handler"),
        (chooses_bytes, "argument x"),
    ],
)
def test_a_handler_that_cant_be_described_is_refused(handler, why: str):
    with pytest.raises(StateError, match=why):
        describe_handler("go", handler)


def test_a_type_for_no_argument_is_refused():
    with pytest.raises(StateError, match="its handler takes no y"):
        describe_handler("go", lambda: None, {"y": int})


@pytest.mark.parametrize("name", ["", "move stage", "1st", "x" * 129])
def test_a_name_that_is_none_is_refused(name: str):
    with pytest.raises(StateError, match="command"):
        describe_handler(name, lambda: None)

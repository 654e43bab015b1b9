"""Errors keep class, sentence and path on the way through another process."""

import pickle

import pytest

from planecast_protocol import errors
from planecast_protocol.errors import ErrorInfo, PlanecastError, ReadError


def every_error() -> list[type[PlanecastError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, PlanecastError)]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_it_is_rebuilt_as_the_same_class(kind: type[PlanecastError]):
    error = kind("data:a.tif: what is wrong", path="data:a.tif")

    for again in (PlanecastError.from_info(error.to_info()), pickle.loads(pickle.dumps(error))):
        assert type(again) is kind
        assert (str(again), again.path) == ("data:a.tif: what is wrong", "data:a.tif")


def test_a_newer_peers_error_is_still_one_of_ours():
    error = PlanecastError.from_info(ErrorInfo(code="LaterError", message="a sentence"))

    assert type(error) is PlanecastError
    assert str(error) == "a sentence"
    assert error.path is None


def test_a_read_error_names_its_path():
    error = ReadError.of("data:a.tif", "cut")

    assert (str(error), error.path) == ("data:a.tif: cut", "data:a.tif")

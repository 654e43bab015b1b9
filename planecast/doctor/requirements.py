"""What planecast's own metadata says that it needs, as far as it counts on this Python."""

import functools
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*(?P<bounds>[^;]*)(?:;(?P<when>.*))?")
_BOUND = re.compile(r"(>=|<)\s*([\d.]+)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w-]+)['"]""")
_PYTHON = re.compile(r"""python_version\s*(>=|<)\s*['"]([\d.]+)['"]""")


class Requirement(NamedTuple):
    """A library that is needed."""

    name: str
    extra: str
    """Empty: always."""
    bounds: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def wanted(self) -> str:
        """The bounds as they are written."""
        return ", ".join(f"{sign} {'.'.join(map(str, one))}" for sign, one in self.bounds)

    def installed(self) -> str | None:
        """Return the version that is installed, or `None`."""
        try:
            return version(self.name)
        except PackageNotFoundError:
            return None

    def allows(self, installed: str) -> bool:
        """Tell whether a version is within the bounds."""
        found = _numbers(installed)
        return all(_holds(found, sign, bound) for sign, bound in self.bounds)


@functools.cache
def requirements() -> tuple[Requirement, ...]:
    """Return all that counts on this Python."""
    found = []
    for line in requires("planecast") or ():
        matched = _REQUIREMENT.match(line)
        if matched is None or not _counts(matched["when"] or ""):
            continue
        extra = _EXTRA.search(matched["when"] or "")
        bounds = tuple((sign, _numbers(text)) for sign, text in _BOUND.findall(matched["bounds"]))
        found.append(Requirement(matched["name"], extra[1] if extra else "", bounds))
    return tuple(found)


def _counts(when: str) -> bool:
    python = sys.version_info[:2]
    return all(_holds(python, sign, _numbers(text)) for sign, text in _PYTHON.findall(when))


def _holds(found: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    return found >= bound if sign == ">=" else found < bound


def _numbers(text: str) -> tuple[int, ...]:
    """Return `(1, 26)` of `1.26rc1`: what a final version is compared by."""
    numbers = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(one) for one in numbers[0].split(".")) if numbers else ()

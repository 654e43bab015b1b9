"""`planecast formats`."""

from typing import Annotated

import msgspec
import typer

from planecast.cli.programs import needs
from planecast.cli.tables import print_json


def command(
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List the file formats: which can be read here, with which library, under which licence.

    Example: planecast formats
    """
    with needs("reader"):
        from planecast_reader.formats import FormatInfo, list_formats

    listed = list_formats()
    if json:
        print_json(msgspec.to_builtins(listed))
        return

    def state(one: FormatInfo) -> str:
        if not one.available:
            return one.install or "not available"
        return "available" if one.is_default else f"with {one.select_with}"

    for one in listed:
        libraries = ", ".join(
            f"{library} ({licence})"
            for library, licence in zip(one.libraries, one.licences, strict=True)
        )
        print(f"{one.name:20} {state(one)}")
        print(f"    {one.title} {' '.join(one.suffixes)}".rstrip())
        print(f"    {libraries or 'no library needed'}")

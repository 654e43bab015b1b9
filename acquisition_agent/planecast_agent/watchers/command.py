"""The options of the program, and its two ways to answer without watching."""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

from planecast_agent.watchers.description import Description
from planecast_agent.watchers.dry_run import Findings, find
from planecast_agent.watchers.options import WatchOptions
from planecast_agent.watchers.presets import PRESETS, Preset, preset_named, preset_of_pattern
from planecast_protocol.configuration import configuration
from planecast_protocol.errors import PlanecastError

MAX_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Command:
    """What was asked for."""

    watch: WatchOptions
    agent: str | None
    spool_dir: Path | None
    as_json: bool
    quiet: bool
    dry_run: bool
    list_presets: bool
    rescan: str | None
    end: bool
    while_stdin: bool


def parse(arguments: list[str] | None) -> Command:
    """Return the command. Ends the process with exit code 2 for wrong usage."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.folder is None and not given.list_presets:
        parser.error("give the folder to watch")
    if given.preset and given.pattern:
        parser.error("give --preset or --pattern, not both")
    presets: tuple[Preset, ...] = PRESETS
    if given.pattern:
        presets = (preset_of_pattern(given.pattern, given.pages),)
    elif given.preset:
        presets = tuple(preset_named(name) for name in given.preset)
    folder = Path(given.folder or ".")
    return Command(
        watch=WatchOptions(
            root=folder.resolve(),
            presets=presets,
            subfolders=given.subfolders,
            existing=given.existing,
            poll=given.poll,
            given=_described(given),
            name=given.name,
            settle_s=given.settle,
            end_after_idle_s=given.end_after_idle,
            end_markers=tuple(given.end_marker or ()),
        ),
        agent=given.agent,
        spool_dir=given.spool_dir,
        as_json=given.json,
        quiet=given.quiet,
        dry_run=given.dry_run,
        list_presets=given.list_presets,
        rescan=given.rescan,
        end=given.end,
        while_stdin=given.while_stdin,
    )


def _parser() -> argparse.ArgumentParser:
    said = configuration().watch
    parser = argparse.ArgumentParser(
        prog="planecast watch", description="Turns files that appear in a folder into events."
    )
    add = parser.add_argument
    add("folder", nargs="?", help="an acquisition's folder, or one that holds such")
    add("--preset", action="append", help="a layout by name; may be repeated (default: all)")
    add("--pattern", help="names of files, such as '{t}/{well}_{fov}_{z}_{channel}.tif'")
    add("--pages", choices=("t", "z", "channel"), help="what the pages of a TIFF are")
    add("--agent", help="its address; this user's agent, if left out")
    add("--spool-dir", type=Path)
    add("--subfolders", action=argparse.BooleanOptionalAction, help="each is an acquisition")
    add("--existing", choices=("all", "running", "none"), help="what to do with what is there")
    add(
        "--poll",
        action=argparse.BooleanOptionalAction,
        default=said.poll,
        help="look again and again, as on network shares",
    )
    add("--name", help="of the acquisition; its folder's, if left out")
    add("--channels", type=_names, default=(), help="A,B,C in the order to show them")
    add("--fovs", type=_names, default=(), help="labels, such as A1:0,A1:1")
    add("--num-z", type=_positive)
    add("--num-t", type=_positive)
    add("--size", type=_size, help="HEIGHTxWIDTH of a plane in pixels")
    add("--pixel-size-um", type=_length)
    add("--z-step-um", type=_length)
    add("--settle", type=_length, default=said.settle_s, help="seconds (default: %(default)s)")
    add("--end-after-idle", type=_length, metavar="SECONDS")
    add("--end-marker", action="append", metavar="NAME", help="a file that says: finished")
    add("--dry-run", action="store_true", help="list what is there, register nothing")
    add("--list-presets", action="store_true")
    add("--rescan", metavar="ACQUISITION", help="register files that its controller did not")
    add("--end", action="store_true", help="after --rescan: end it as done")
    add("--json", action="store_true", help="print lines of JSON")
    add("--quiet", action="store_true", help="print warnings only")
    add("--while-stdin", action="store_true", help=argparse.SUPPRESS)
    return parser


def _described(given: argparse.Namespace) -> Description:
    height, width = given.size or (None, None)
    return Description(
        channels=given.channels,
        fovs=given.fovs,
        num_z=given.num_z,
        num_t=given.num_t,
        height=height,
        width=width,
        pixel_size_um=given.pixel_size_um,
        z_step_um=given.z_step_um,
    )


def print_presets(*, as_json: bool) -> None:
    """Print the layouts that are known."""
    if as_json:
        listed = [
            {"name": one.name, "tells": one.tells, "patterns": one.patterns,
             "end_markers": one.end_markers}
            for one in PRESETS
        ]  # fmt: skip
        print(json.dumps(listed, indent=2))
        return
    for one in PRESETS:
        print(f"{one.name:24}{one.tells}")
        for pattern in one.patterns:
            print(f"{'':24}  {pattern}")


def print_dry_run(options: WatchOptions, *, as_json: bool) -> int:
    """Print what would be registered; return 1 if nothing would."""
    if not options.root.is_dir():
        raise PlanecastError(f"{options.root}: no such folder; give one that is there")
    findings = find(options)
    if as_json:
        print(json.dumps([_as_json(one, options) for one in findings], indent=2))
    for one in () if as_json else findings:
        _print_findings(one, options)
    if not findings and not as_json:
        names = ", ".join(preset.name for preset in options.presets)
        print(f"{options.root}: no file of the layouts {names}")
    return 0 if any(one.planes for one in findings) else 1


def _print_findings(found: Findings, options: WatchOptions) -> None:
    description = found.description(options.given)
    print(f"{found.folder}: {found.preset.name}, {len(found.planes)} planes")
    print(f"  channels  {', '.join(description.channels)}")
    print(f"  fovs      {len(description.fovs)}: {', '.join(description.fovs[:8])}")
    print(f"  z         {description.num_z}")
    size = f"{description.height}×{description.width}" if description.height else "not known"
    print(f"  size      {size} {description.dtype or ''}")
    for plane in found.planes[:MAX_SHOWN]:
        page = "" if plane.page is None else f", page {plane.page}"
        print(
            f"  t={plane.t} fov={plane.fov} z={plane.z} channel={plane.channel}  "
            f"{found.layout.relative(plane.path)}{page}"
        )
    if len(found.planes) > MAX_SHOWN:
        print(f"  … and {len(found.planes) - MAX_SHOWN} more (--json lists all)")
    for path in found.not_whole[:MAX_SHOWN]:
        print(f"  not whole yet: {path}")
    for trouble in list(found.damaged.values())[:MAX_SHOWN]:
        print(f"  left out: {trouble}")
    if found.unmatched:
        print(f"  {found.unmatched} other files")


def _as_json(found: Findings, options: WatchOptions) -> dict[str, object]:
    description = found.description(options.given)
    return {
        "folder": str(found.folder),
        "preset": found.preset.name,
        "channels": description.channels,
        "fovs": description.fovs,
        "num_z": description.num_z,
        "height": description.height,
        "width": description.width,
        "dtype": description.dtype,
        "planes": [
            {"t": one.t, "fov": one.fov, "z": one.z, "channel": one.channel,
             "path": str(one.path), "page": one.page, "scene": one.scene, "index": one.index}
            for one in found.planes
        ],
        "not_whole": [str(path) for path in found.not_whole],
        "damaged": {str(path): trouble for path, trouble in found.damaged.items()},
        "other_files": found.unmatched,
    }  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _length(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,7})[xX×](\d{1,7})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 2048x2048")
    return int(match[1]), int(match[2])

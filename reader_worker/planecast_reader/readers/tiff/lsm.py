"""What a Zeiss LSM file says: the scan information that tifffile parses."""

from collections.abc import Iterator, Mapping
from typing import Any

from planecast_protocol.images import ChannelInfo

Parsed = Mapping[str, Any]


def lsm_channels(metadata: Parsed) -> list[ChannelInfo]:
    """Return the channels, in the order of their colours, with their detectors' settings."""
    colors = metadata.get("ChannelColors") or {}
    names, rgb = colors.get("ColorNames") or [], colors.get("Colors") or []
    detectors = dict(_detectors(metadata))
    return [
        ChannelInfo(
            name=str(name),
            color="#{:02x}{:02x}{:02x}".format(*rgb[number][:3]) if number < len(rgb) else None,
            **detectors.get(_plain(str(name)), {}),
        )
        for number, name in enumerate(names)
    ]


def lsm_bits(metadata: Parsed) -> int | None:
    """Return the significant bits, where all data channels have the same."""
    found = {
        channel.get("BitsPerSample")
        for track in _tracks(metadata)
        for channel in track.get("DataChannels") or []
    }
    bits = found.pop() if len(found) == 1 else None
    return int(bits) if bits else None


def lsm_timestamps_s(metadata: Parsed) -> list[float]:
    """Return the seconds of each time point since the first."""
    stamps = metadata.get("TimeStamps")
    return [] if stamps is None else [float(stamp) - float(stamps[0]) for stamp in stamps]


def lsm_objective_name(metadata: Parsed) -> str | None:
    """Return the name of the objective."""
    name = (metadata.get("ScanInformation") or {}).get("Objective")
    return str(name) if name else None


def _tracks(metadata: Parsed) -> list[Parsed]:
    return (metadata.get("ScanInformation") or {}).get("Tracks") or []


def _detectors(metadata: Parsed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of a detection channel and what is known of it."""
    for track in _tracks(metadata):
        lasers = [
            source.get("Wavelength")
            for source in track.get("IlluminationChannels") or []
            if source.get("Aquire")  # as tifffile and the format spell it
        ]
        excitation = lasers[0] if len(lasers) == 1 else None
        for detector in track.get("DetectionChannels") or []:
            pinhole = detector.get("PinholeDiameter")
            yield (
                _plain(str(detector.get("ChannelName"))),
                {
                    "excitation_nm": round(float(excitation), 3) if excitation else None,
                    "fluor": detector.get("DyeName") or None,
                    "pinhole_um": float(pinhole) if pinhole else None,
                    "acquisition_mode": "LaserScanningConfocalMicroscopy",
                },
            )


def _plain(name: str) -> str:
    """Return a channel's name without its track: `Ch2-T1` is the detector `Ch2`."""
    return name.partition("-")[0].strip().lower()

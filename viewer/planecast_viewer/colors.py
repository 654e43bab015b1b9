"""The colour of a channel: what the controller says, else what its name suggests."""

import re
from typing import NamedTuple

from planecast_viewer.facts import ChannelFacts


class Color(NamedTuple):
    """A colour and what people call it."""

    rgb: str
    """`#rrggbb`."""
    name: str


BLUE = Color("#3d6bff", "blue")
CYAN = Color("#00c8ff", "cyan")
GREEN = Color("#00ff5a", "green")
YELLOW = Color("#d7ff00", "yellow")
ORANGE = Color("#ff5a1e", "orange")
MAGENTA = Color("#ff32dc", "magenta")
RED = Color("#dc0000", "deep red")
WHITE = Color("#ffffff", "gray")
DIM = Color("#8c8c8c", "dim gray")
"""Of transmitted light beside other channels: at full brightness it would drown them."""

# By the dye or the light; the first that is found in the name counts.
BY_NAME: tuple[tuple[str, Color], ...] = (
    (r"dapi|hoechst|\b405\b|\bbfp\b", BLUE),
    (r"\bcfp\b|cerulean|\b44[0-5]\b", CYAN),
    (r"gfp|fitc|alexa ?488|\b470\b|\b488\b|green", GREEN),
    (r"yfp|venus|\b51[45]\b", YELLOW),
    (r"cherry|rfp|texas|tritc|cy3|\b5[5-9][0-9]\b|dsred|tomato", ORANGE),
    (r"cy5|alexa ?647|far ?red|\b6[34][0-9]\b", MAGENTA),
    (r"cy7|\b7[0-9]{2}\b|infrared", RED),
    (r"^bf\b|bright|phase|\bdic\b|\bph\b|trans|oblique", WHITE),
)
# Emission below so many nm; bright enough on black.
BY_WAVELENGTH: tuple[tuple[float, Color], ...] = (
    (470, BLUE),
    (500, CYAN),
    (545, GREEN),
    (570, YELLOW),
    (640, ORANGE),
    (720, MAGENTA),
)
IN_ORDER = (GREEN, MAGENTA, CYAN, ORANGE, BLUE, YELLOW)

PALETTE = (BLUE, CYAN, GREEN, YELLOW, ORANGE, MAGENTA, RED, WHITE, DIM)
SIMILAR = 170
"""Largest distance, in steps of red, green and blue, at which two colours share a name."""


def color_name(rgb: str) -> str:
    """Return what people call `#rrggbb`, or itself if it is like none that has a name."""
    nearest = min(PALETTE, key=lambda color: _distance(color.rgb, rgb))
    return nearest.name if _distance(nearest.rgb, rgb) <= SIMILAR else rgb


def _distance(one: str, other: str) -> int:
    parts = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return sum(abs(a - b) for a, b in parts)


def channel_color(
    channel: ChannelFacts, number: int, n_channels: int, *, n_together: int | None = None
) -> Color:
    """Return the colour of a channel that is the `number`th of `n_channels`.

    `n_together` of them are seen at a time; all, if it is not given.
    """
    color = _color(channel, number, n_channels)
    return DIM if color == WHITE and (n_together or n_channels) > 1 else color


def _color(channel: ChannelFacts, number: int, n_channels: int) -> Color:
    if channel.color is not None and re.fullmatch(r"#[0-9a-fA-F]{6}", channel.color):
        return Color(channel.color, color_name(channel.color))
    words = channel.name.replace("_", " ").lower()
    for pattern, color in BY_NAME:
        if re.search(pattern, words):
            return color
    if channel.wavelength_nm is not None:
        for below_nm, color in BY_WAVELENGTH:
            if channel.wavelength_nm < below_nm:
                return color
        return RED
    return WHITE if n_channels == 1 else IN_ORDER[number % len(IN_ORDER)]

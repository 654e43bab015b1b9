"""The colour of a channel in a picture: what the file says, else its name or its light."""

import re

from planecast_protocol.images import ChannelInfo

Rgb = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""

BLUE, CYAN, GREEN, YELLOW = "#3d6bff", "#00c8ff", "#00ff5a", "#d7ff00"
ORANGE, MAGENTA, RED, WHITE = "#ff5a1e", "#ff32dc", "#dc0000", "#ffffff"
DIM = "#8c8c8c"
"""Of transmitted light beside other channels: at full brightness it would drown them."""

# By the dye or the light; the first that is found in the name counts.
BY_NAME: tuple[tuple[str, str], ...] = (
    (r"dapi|hoechst|\b405\b|\bbfp\b", BLUE),
    (r"\bcfp\b|cerulean|\b44[0-5]\b", CYAN),
    (r"gfp|fitc|alexa ?488|\b470\b|\b488\b|green", GREEN),
    (r"yfp|venus|\b51[45]\b", YELLOW),
    (r"cherry|rfp|texas|tritc|cy3|\b5[5-9][0-9]\b|dsred|tomato", ORANGE),
    (r"cy5|alexa ?647|far ?red|\b6[34][0-9]\b", MAGENTA),
    (r"cy7|\b7[0-9]{2}\b|infrared", RED),
    (r"^bf\b|bright|phase|\bdic\b|\bph\b|trans|oblique|\btl\b|\bt-?pmt\b", WHITE),
)
BY_WAVELENGTH: tuple[tuple[float, str], ...] = (
    (470, BLUE),
    (500, CYAN),
    (545, GREEN),
    (570, YELLOW),
    (640, ORANGE),
    (720, MAGENTA),
)
"""Emission below so many nm; bright enough on black."""
IN_ORDER = (GREEN, MAGENTA, CYAN, ORANGE, BLUE, YELLOW)


def channel_color(channel: ChannelInfo, number: int, n_shown: int) -> Rgb:
    """Return the colour of the `number`th of `n_shown` channels; white where it is alone."""
    if n_shown == 1:
        return _rgb(WHITE)
    color = _color(channel, number)
    return _rgb(DIM if color.lower() == WHITE else color)


def _color(channel: ChannelInfo, number: int) -> str:
    if channel.color is not None and re.fullmatch(r"#[0-9a-fA-F]{6}", channel.color):
        return channel.color
    words = f"{channel.name} {channel.fluor or ''} {channel.contrast_method or ''}"
    words = words.replace("_", " ").lower()
    for pattern, color in BY_NAME:
        if re.search(pattern, words):
            return color
    if channel.emission_nm is not None:
        for below_nm, color in BY_WAVELENGTH:
            if channel.emission_nm < below_nm:
                return color
        return RED
    return IN_ORDER[number % len(IN_ORDER)]


def _rgb(text: str) -> Rgb:
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue

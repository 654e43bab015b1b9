"""The keyboard: one table, from which both the shortcuts and their list are made."""

KEYS: tuple[tuple[str, str, str], ...] = (
    ("Left", "previous_t", "previous time point"),
    ("Right", "next_t", "next time point"),
    ("Up", "next_z", "next z plane"),
    ("Down", "previous_z", "previous z plane"),
    ("PgUp", "previous_fov", "previous field of view"),
    ("PgDown", "next_fov", "next field of view"),
    ("F", "follow", "follow the newest planes, or hold"),
    ("0", "fit", "show the whole picture"),
    ("Shift+0", "one_to_one", "one pixel of the picture as one of the screen"),
    ("C", "single_channel", "one channel at a time, or all"),
    ("?", "keys", "this list"),
)
"""(key, name of the action, what it does)."""

CHANNEL_KEYS = "123456789"
CHANNEL_KEYS_TEXT = "show or hide that channel; with one channel at a time: choose it"


def list_of_keys() -> str:
    """Return the table as HTML."""
    rows = [*((key, text) for key, _name, text in KEYS), ("1 … 9", CHANNEL_KEYS_TEXT)]
    cells = "".join(
        f"<tr><td><b>{key}</b></td><td style='padding-left: 16px'>{text}</td></tr>"
        for key, text in rows
    )
    return f"<table cellpadding='3'>{cells}</table>"

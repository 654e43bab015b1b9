"""The keyboard: one table, from which the shortcuts are made. The list is made of the actions."""

KEYS: tuple[tuple[str, str, str, str], ...] = (
    ("Go", "Left", "previous_t", "Previous time point"),
    ("Go", "Right", "next_t", "Next time point"),
    ("Go", "Ctrl+Left", "first_t", "First time point"),
    ("Go", "Ctrl+Right", "last_t", "Last time point"),
    ("Go", "Up", "next_z", "Next z plane"),
    ("Go", "Down", "previous_z", "Previous z plane"),
    ("Go", "Ctrl+Down", "first_z", "First z plane"),
    ("Go", "Ctrl+Up", "last_z", "Last z plane"),
    ("Go", "PgUp", "previous_fov", "Previous field of view"),
    ("Go", "PgDown", "next_fov", "Next field of view"),
    ("Go", "Ctrl+PgUp", "first_fov", "First field of view"),
    ("Go", "Ctrl+PgDown", "last_fov", "Last field of view"),
)
"""(menu, key, name of the action, what it does)."""

CHANNEL_KEYS = "123456789"
CHANNEL_TEXT = "Channel {n}"
CHANNEL_TIP = "show or hide it; with one channel at a time: choose it"

MOUSE_AND_PANELS: tuple[tuple[str, str, str], ...] = (
    ("Plate map and thumbnails", "arrows", "move the dotted mark"),
    ("Plate map and thumbnails", "Enter, click", "go to that field of view"),
    ("Plate map and thumbnails", "+, −", "zoom in, zoom out"),
    ("Plate map and thumbnails", "Home", "map: show all; thumbnails: to the first"),
    ("Tables", "Enter, double click", "show what the row stands for"),
    ("Panels", "Tab", "to the next panel or field"),
    ("Panels", "Esc", "back to the picture"),
    ("Orthogonal views", "click, drag", "move the cross; with another button the views"),
    ("3D volume", "drag", "turn; with another button or Shift: move"),
    ("Mouse", "wheel over the picture", "zoom"),
    ("Mouse", "wheel over a slider", "next or previous value"),
    ("Mouse", "drag", "move the picture"),
    ("Mouse", "drop a file or folder", "open it"),
)
"""(group, key, what it does): what is no action of the window."""

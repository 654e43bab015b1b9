"""Every bound of the wire and of memory, in one place.

What comes from another process is checked against these before it is used.
"""

# ---------------------------------------------------------------- events
MAX_EVENT_BYTES = 256 << 10
"""One event. A `RegisterImage` takes about 150 bytes; a `StartAcquisition` of a 1536-well
plate with 9 fovs a well takes about 110 kB."""
MAX_BATCH_EVENTS = 1024
MAX_BATCH_BYTES = 512 << 10
MAX_FRAME_BYTES = 1 << 20
"""One frame that the agent accepts."""
MAX_ANSWER_BYTES = 64 << 20
"""One frame that a subscriber accepts from its agent."""
BATCHES_IN_FLIGHT = 8
CHUNK_EVENTS = 8192
"""Events in one immutable chunk of history."""
MAX_CHUNK_BYTES = 32 << 20
"""One chunk, inflated: a bomb stops here."""

MAX_CHANNELS = 256
MAX_FOVS = 20_000
MAX_NAME_CHARS = 128
MAX_PATH_CHARS = 1024
MAX_TEXT_CHARS = 4096
MAX_COUNT = 2**31 - 1

# ---------------------------------------------------------------- liveness
HEARTBEAT_S = 0.5
SILENT_AFTER_S = 3.0
"""A controller, agent or worker that said nothing for so long is shown as silent."""
RESEND_AFTER_S = 0.25
RECONNECT_AFTER_S = 3.5
REQUEST_TIMEOUT_S = 2.0
"""A subscriber's question to its agent; then it asks again on a new socket."""
CLOSE_TIMEOUT_S = 2.0

# ---------------------------------------------------------------- state and commands
MAX_STATE_VALUES = 256
"""Names of one controller's state."""
MAX_STATE_VALUE_BYTES = 4096
"""One value, encoded."""
MAX_STATE_BYTES = 256 << 10
"""All values of one controller, encoded."""
MAX_VALUE_ITEMS = 64
MAX_COMMANDS = 128
MAX_COMMANDS_BYTES = 256 << 10
"""All commands that one controller declares, encoded."""
MAX_ARGUMENTS = 32
MAX_ARGUMENTS_BYTES = 16 << 10
"""The arguments of one command, encoded."""
MAX_CHOICES = 256
MAX_COMMAND_S = 3600.0
"""The longest that a command may take."""
MAX_COMMANDS_WAITING = 32
"""Commands that wait for one controller."""
MAX_CONTROLLERS = 64
MAX_PARTS = 256
"""Programs that an agent tells its subscribers of: controllers, viewers, the worker."""

# ---------------------------------------------------------------- planes
MAX_PLANE_BYTES = 2 << 30
MAX_REQUEST_BYTES = 1 << 20
"""One request to the reader worker."""
MAX_DIMENSIONS = 16
MAX_SCENES = 100_000
READ_TIMEOUT_S = 10.0
READ_BYTES_PER_S = 20_000_000
"""The slowest disk we wait for: a read's time limit is READ_TIMEOUT_S + bytes / this."""
OPEN_TIMES = 3
"""Opening a file, its metadata and its tables may take so many times a read's limit."""

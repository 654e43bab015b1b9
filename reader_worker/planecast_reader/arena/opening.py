"""Makes the arena, or says why there is none: pixels then travel through the sockets."""

import logging

from planecast_protocol.errors import TooLargeError
from planecast_reader.arena import shared_memory
from planecast_reader.arena.cache import Arena
from planecast_reader.arena.prefault import SLAB_BYTES

logger = logging.getLogger(__name__)


def open_arena(budget_bytes: int) -> Arena | None:
    """Return an arena of at most `budget_bytes`; None, logged, where there can't be one."""
    if not shared_memory.supported() or budget_bytes <= 0:
        return None
    if budget_bytes < SLAB_BYTES:
        logger.warning(
            "%d MiB for shared planes are too little, so pixels travel through the sockets: give "
            "the worker more memory, or --cache-mib %d",
            budget_bytes >> 20,
            SLAB_BYTES >> 20,
        )
        return None
    try:
        return Arena(budget_bytes)
    except (OSError, TooLargeError) as trouble:
        logger.warning("no shared memory, so pixels travel through the sockets: %s", trouble)
        return None

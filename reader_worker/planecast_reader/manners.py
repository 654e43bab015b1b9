"""How those who wait awake share processors with others."""

import os


def let_others_go_first() -> None:
    """Give the processor to whoever is to run on it and does not."""
    if hasattr(os, "sched_yield"):
        os.sched_yield()

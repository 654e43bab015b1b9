"""Has each Python process write what it has imported when it ends.

Python imports this by itself when its folder is in PYTHONPATH.
"""

import atexit
import json
import os
import sys
from pathlib import Path


def _write() -> None:
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    facts = {"command": sys.orig_argv, "modules": modules}
    folder = Path(os.environ["PLANECAST_TEST_MODULES_DIR"])
    (folder / f"{os.getpid()}.json").write_text(json.dumps(facts))


if "PLANECAST_TEST_MODULES_DIR" in os.environ:
    atexit.register(_write)

"""`python -m planecast_viewer.screen_probe`: prints what this display is, as a line of JSON.

For `planecast doctor`, which runs it as a process of its own: Qt aborts where there is no display.
"""

import json
import sys

from PySide6.QtGui import QGuiApplication

from planecast_viewer.canvas.choice import (
    PLATFORMS_WITHOUT_GL,
    choose_canvas,
    gl_renderer,
    is_software,
)


def main() -> int:
    """Print it; return the exit code."""
    application = QGuiApplication(sys.argv[:1])
    platform = QGuiApplication.platformName()
    renderer = None if platform in PLATFORMS_WITHOUT_GL else gl_renderer()
    choice = choose_canvas()
    facts = {
        "platform": platform,
        "screens": [
            f"{screen.size().width()}×{screen.size().height()}" for screen in application.screens()
        ],
        "renderer": renderer,
        "software": renderer is not None and is_software(renderer),
        "canvas": choice.kind,
        "why": choice.why,
    }
    print(json.dumps(facts), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

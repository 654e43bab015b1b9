"""Pictures to a movie, by ffmpeg as a process of its own."""

import contextlib
import importlib.util
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from planecast_protocol.errors import PlanecastError, UnsupportedFormatError

KINDS: dict[str, tuple[str, ...]] = {
    ".mp4": ("-c:v", "libx264", "-crf", "17", "-pix_fmt", "yuv420p", "-movflags", "+faststart"),
    # The colours of a GIF are chosen from all of its pictures.
    ".gif": ("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse"),
}
END_S = 600.0
"""A GIF is made when the last picture has come."""

Picture = npt.NDArray[np.uint32]


def check_movie(path: Path) -> None:
    """Raise `PlanecastError` with the way out if such a movie can't be written here."""
    if path.suffix.lower() not in KINDS:
        raise UnsupportedFormatError(f"{path}: a movie is .mp4 or .gif")
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        raise PlanecastError(
            "movies need imageio-ffmpeg, which is not installed: pip install 'planecast[movie]'"
        )


@contextlib.contextmanager
def encoder(
    path: Path, width: int, height: int, rate_fps: float
) -> Iterator[Callable[[Picture], None]]:
    """Yield what takes a picture, 0xffRRGGBB of shape (height, width); at the end it is a movie.

    Raises `PlanecastError` with what ffmpeg says if it fails. After any other error ffmpeg is
    killed.
    """
    check_movie(path)
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "rawvideo",
        "-pix_fmt", "bgra", "-s", f"{width}x{height}", "-r", f"{rate_fps:g}", "-i", "-",
        *KINDS[path.suffix.lower()], str(path),
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as process,
    ):
        try:
            assert process.stdin is not None
            pipe = process.stdin
            yield lambda picture: _write(pipe, picture)
            process.stdin.close()
            process.wait(END_S)
        except BrokenPipeError:
            process.wait(END_S)  # it has ended early, and said why
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            said.seek(0)
            why = said.read().decode(errors="replace").strip().splitlines()
            raise PlanecastError(f"{path}: ffmpeg: {why[-1] if why else 'failed'}")


def _write(pipe: IO[bytes], picture: Picture) -> None:
    pipe.write(picture.data)

"""The file formats: one module each, on the contract of `planecast_reader.reader`.

`table.py` has one line for each; `registry.py` finds the reader of a file. Importing this
package imports no file library.
"""

from planecast_reader.readers.format import Format, Library, Reader, holds
from planecast_reader.readers.registry import (
    formats,
    load_plugins,
    open_reader,
    reader_class,
    recognise,
    warm_up,
)

__all__ = [
    "Format",
    "Library",
    "Reader",
    "formats",
    "holds",
    "load_plugins",
    "open_reader",
    "reader_class",
    "recognise",
    "warm_up",
]

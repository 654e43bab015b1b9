"""Pixels for TIFF files that tests write."""

import numpy as np

HEIGHT, WIDTH = 37, 53


def noise(*shape: int, dtype: str = "u2") -> np.ndarray:
    """Random pixels of any type, the same every time."""
    rng = np.random.default_rng(7)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    if kind.kind in "fc":
        return (rng.normal(size=shape) * 100).astype(kind)
    return rng.integers(0, min(np.iinfo(kind).max, 60000), shape).astype(kind)

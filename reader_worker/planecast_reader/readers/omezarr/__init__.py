"""OME-Zarr: images, plates and plain arrays, in zarr version 2 and 3."""

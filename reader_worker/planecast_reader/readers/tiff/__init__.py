"""TIFF and what is built on it: OME-TIFF, ImageJ, LSM, MetaMorph."""

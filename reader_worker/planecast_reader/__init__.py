"""The worker that alone opens microscope files, and its client."""

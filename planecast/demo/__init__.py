"""A microscope that is not there: cells, a camera and a controller that behave like real ones."""

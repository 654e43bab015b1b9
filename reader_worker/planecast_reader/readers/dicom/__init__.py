"""DICOM: single files, folders of slices, and whole slides."""

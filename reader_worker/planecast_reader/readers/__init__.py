"""The file formats: one module each, on the contract of `planecast_reader.reader`.

File libraries are imported here and nowhere else, when a file first needs one.
"""

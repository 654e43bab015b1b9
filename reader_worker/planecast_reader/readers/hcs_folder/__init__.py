"""Folders of plates: Molecular Devices ImageXpress, Yokogawa CellVoyager."""

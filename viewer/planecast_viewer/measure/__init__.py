"""Measuring in the picture: lines and rectangles, their values, how they change over z or time."""

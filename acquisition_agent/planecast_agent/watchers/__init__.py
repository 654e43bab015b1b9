"""Turns files that appear in a folder into events, for controllers that can't be changed."""

"""Folders of an acquisition, as Squid writes and ndviewer_light reads them."""

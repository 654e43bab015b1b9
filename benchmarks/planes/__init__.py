"""Planes through the worker against the libraries in the own process: what each part measures."""

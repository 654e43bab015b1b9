"""Planes for other machines: the worker's gateway, and the connection of a client to it.

A client sends the messages of the stream sockets, one a frame. An answer's payload follows its
message in frames of about `PART_BYTES`, so that a heartbeat is never behind a whole plane. Planes
come in parts (`remote_messages.py`).

    worker -> GuestLine -> Outgoing (which piece next) -> Packing (threads) -> the client's Assembly
"""

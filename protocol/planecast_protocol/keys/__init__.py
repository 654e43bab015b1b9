"""Keys: who is on the other end, where a connection leaves this machine.

Each user of each machine has one pair of keys (CURVE). Its public half says who that is: an
agent or worker lets in the keys on its list of guests, and a client talks to nobody but the
servers whose keys it knows. The secret half never leaves its folder.
"""

"""The shared memory that planes lie in, and the books about who uses what."""

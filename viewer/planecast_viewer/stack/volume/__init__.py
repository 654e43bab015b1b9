"""The stack as a volume, drawn with OpenGL in a thread of its own."""

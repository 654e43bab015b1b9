"""The z stack of one field of view and time point: orthogonal views of it, and 3D."""

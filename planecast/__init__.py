"""planecast."""

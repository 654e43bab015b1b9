"""A reader process: it alone loads file libraries, and may die."""

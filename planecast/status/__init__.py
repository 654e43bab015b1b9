"""What runs, how it is, and who is silent: asked of agent and worker themselves.

Needs nothing beyond the smallest installation.
"""

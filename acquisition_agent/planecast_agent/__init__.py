"""The controller's client, and the agent that keeps and serves what controllers publish."""

"""Programs that do to an agent and a worker what no viewer would, and those that suffer it."""

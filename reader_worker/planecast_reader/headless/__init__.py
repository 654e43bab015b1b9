"""What scripts use: images, stacks, pictures and tables, read through a worker."""

"""How controllers lay planes out in files: one module a kind."""

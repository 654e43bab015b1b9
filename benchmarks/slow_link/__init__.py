"""Two machines and a cable between them, on one: network namespaces without a common file."""

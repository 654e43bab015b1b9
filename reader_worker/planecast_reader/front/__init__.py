"""The worker's front: sockets, requests and books. Imports no file library."""

"""NDTiff folders of Micro-Manager and Pycro-Manager."""

"""The live viewer: subscribes, asks for planes, paints."""

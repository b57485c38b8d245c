"""The crash harness: kills the server again and again and looks what is left."""

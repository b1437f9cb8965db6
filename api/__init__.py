"""The faces: the command line now, HTTP later. Parse, one call, answer."""

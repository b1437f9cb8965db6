"""Load over HTTP: a real service in processes of its own, asked by many callers over real sockets."""

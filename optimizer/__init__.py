"""The route and slot engine: pure functions over frozen data, no HTTP, no files, no prints."""

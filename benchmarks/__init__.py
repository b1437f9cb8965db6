"""Evidence: protocol, runner, records. Run as `python -m benchmarks`."""

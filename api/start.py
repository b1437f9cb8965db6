"""Where the `mitaan` command begins: Ctrl-C while the program is still loading ends it in one line, too."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the `mitaan` command."""
    try:
        from api.cli import main as begin  # noqa: PLC0415  loading takes a second, in which one may press Ctrl-C
    except KeyboardInterrupt:
        sys.stderr.write("mitaan: stopped; nothing was written\n")
        sys.exit(3)
    begin()

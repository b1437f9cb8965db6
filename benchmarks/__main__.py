"""`python -m benchmarks`: Ctrl-C while it is still loading ends it in one line, too; the rest is in `command`."""

from __future__ import annotations

from api.start import ended_by_ctrl_c


def main() -> None:
    """Entry point of `python -m benchmarks`."""
    with ended_by_ctrl_c("benchmarks: stopped; nothing was recorded", 4):
        from benchmarks.command import main as begin  # noqa: PLC0415  loading takes seconds
    begin()


if __name__ == "__main__":
    main()

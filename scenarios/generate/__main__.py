"""`python -m scenarios.generate [FOLDER]`: write the committed days again, into the package or a folder of your own."""

from __future__ import annotations

import sys
from pathlib import Path

from scenarios.catalogue import load_catalogue
from scenarios.generate.committed import write_committed


def main(arguments: list[str]) -> None:
    """Write the days and say of each what it holds."""
    folder = Path(arguments[0]) if arguments else Path(__file__).parents[1] / "data" / "days"
    for path, generated in write_committed(load_catalogue(), folder):
        problem = generated.day.problem
        sys.stdout.write(
            f"{path}: {len(problem.appointments)} appointments, {len(problem.deliveries)} deliveries, "
            f"{len(problem.executives)} executives, {generated.refused} refused, sha256 {problem.input_sha256}\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

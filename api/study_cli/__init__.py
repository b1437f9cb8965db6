"""The command line of the analyst: how many executives a city needs.

`given` reads what was typed, `kept` remembers days that are done, `spread` uses all cores, `told` says what came of it
and `page` draws it.
"""

import typer

from api.study_cli.command import study

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(study)

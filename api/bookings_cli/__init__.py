"""The command line of the booking service: offers, holds, bookings, rosters, days, and the store behind them.

`given` reads what was typed, `answers` says what came of it; between them each command makes one call. Exit codes: 0
done, 1 refused (with the reasons) or rules broken, 2 bad input or a store that cannot be used, 3 stopped with nothing.
"""

import typer

from api.bookings_cli import citizens, staffing, upkeep
from api.bookings_cli.days import day_app
from api.bookings_cli.desk import deliveries_app, roster_app, rules
from api.bookings_cli.upkeep import db_app

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (
        citizens.slots,
        citizens.hold,
        citizens.book,
        citizens.extend,
        citizens.release,
        citizens.move,
        citizens.cancel,
        citizens.mark,
        citizens.locate,
        citizens.bookings,
        rules,
        upkeep.events,
    ):
        app.command()(command)
    app.command("demo-store")(upkeep.demo_store)
    roster_app.command("make")(staffing.roster_make)
    app.add_typer(roster_app, name="roster")
    app.add_typer(day_app, name="day")
    app.add_typer(deliveries_app, name="deliveries")
    app.add_typer(db_app, name="db")

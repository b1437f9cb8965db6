"""The command line of the booking service: offers, holds, bookings, staff, rosters, days, and the store behind them.

`given` reads what was typed, `answers` says what came of it; between them each command makes one call. Exit codes: 0
done, 1 refused (with the reasons) or rules broken, 2 bad input or a store that cannot be used, 3 stopped with nothing.
"""

import typer

from api.bookings_cli import citizens, restrictions, rosters, rosters_shown, upkeep
from api.bookings_cli.calendar import calendar_app
from api.bookings_cli.capacity import capacity_app
from api.bookings_cli.days import day_app
from api.bookings_cli.desk import deliveries_app, roster_app, rules
from api.bookings_cli.staffing import staff_app
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
    roster_app.command("make")(rosters.roster_make)
    roster_app.command("off")(rosters.roster_off)
    roster_app.command("diff")(rosters.roster_diff)
    roster_app.command("publish")(rosters.roster_publish)
    roster_app.command("list")(rosters_shown.roster_list)
    roster_app.command("show")(rosters_shown.roster_show)
    day_app.command("close")(restrictions.day_close)
    day_app.command("open")(restrictions.day_open)
    day_app.command("sell")(restrictions.day_sell)
    for name, group in (
        ("staff", staff_app),
        ("roster", roster_app),
        ("capacity", capacity_app),
        ("calendar", calendar_app),
        ("day", day_app),
        ("restriction", restrictions.restriction_app),
        ("deliveries", deliveries_app),
        ("db", db_app),
    ):
        app.add_typer(group, name=name)

"""Serve, work, keys, settings, openapi: the commands of whoever runs the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.bookings_cli.given import Json, StoreAt, expect_store, faulty, open_database, served, store_told
from api.console import DONE, REFUSED, counting, faults_told, note, say, say_json, table
from api.demo_store import DAYS, fill_store
from api.keys import ApiKey, Role, key_json, list_keys, make_first_key, make_key, revoke_key
from api.serving import CannotListen, serve, work
from api.settings import Settings, read_settings, told_settings
from api.store import Database
from api.store.database import default_path
from api.store.store import Store
from optimizer.units import IST
from scenarios.catalogue import load_catalogue
from scenarios.files import write_files

DEMO_FILE = "demo.db"
DEMO_NAME = "demo"
SQLITE_ENDINGS = ("-wal", "-shm", "-journal")
"""Files that SQLite has beside the store."""

keys_app = typer.Typer(help="Keys of the HTTP interface: make, list, revoke.", no_args_is_help=True)


# ---------------------------------------------------------------------------------------- serving


def serve_http(
    host: Annotated[str | None, typer.Option(help="Address to listen on; this machine only by default.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 8080 by default, 0 for a free one.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes that answer.")] = None,
    jobs: Annotated[int | None, typer.Option(min=0, max=64, help="Plans made at the same time here.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="A store to try: 14 cities, two weeks, some bookings.")] = False,
    store_at: StoreAt = None,
) -> None:
    """Serve slots, bookings and plans over HTTP, until Ctrl-C. A store without keys gets a first one, shown once."""
    with faults_told(), store_told(False):
        where = store_at if store_at is not None or not demo else str(default_path().with_name(DEMO_FILE))
        settings = read_settings(host=host, port=port, workers=workers, job_places=jobs, database_url=where)
        _prepare(settings, demo, ours=store_at is None)

        def ready(at: str, number: int) -> None:
            name = f"[{at}]" if ":" in at else at
            say(f"listening on http://{name}:{number} (Ctrl-C ends)")

        try:
            serve(settings, ready)
        except CannotListen as error:
            raise faulty("port", "cannot_listen", settings.port, str(error.strerror)) from None
    note("mitaan: ended")


def _prepare(settings: Settings, demo: bool, ours: bool) -> None:
    """Make the store where it is missing, fill it for a demo, and show keys that were made."""
    if demo:
        _demo(settings, ours)
        return
    with open_database(settings.database_url, create=_is_new(settings)) as database:
        text = make_first_key(Store(database, load_catalogue()))
    if text is not None:
        say("The store has no keys yet. This is the first one, an admin's; it is shown this once:")
        say(f"  {text}")


def _is_new(settings: Settings) -> bool:
    database = Database(settings.database_url)
    try:
        return database.dialect == "sqlite" and not Path(database.url_for_people).exists()
    finally:
        database.close()


def _demo(settings: Settings, ours: bool) -> None:
    """A demo store whose rosters begin tomorrow, with other keys each time.

    An older one of ours is made anew; a store that somebody has named is never deleted. Older keys of demos end.
    """
    database = Database(settings.database_url)
    path = Path(database.url_for_people) if database.dialect == "sqlite" else None
    database.close()
    if ours and path is not None and path.exists() and not _is_fresh(path):
        for ending in ("", *SQLITE_ENDINGS):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    with open_database(settings.database_url, create=True) as database:
        store = Store(database, load_catalogue())
        cities = store.catalogue.cities_in_scheme()
        if not any(store.dates(city) for city in cities[:1]):
            with counting("filling the demo store") as tell:
                fill_store(store, cities, DAYS, 1, tell)
        for key in list_keys(store):
            if key.name == DEMO_NAME and key.revoked_at is None:
                revoke_key(store, key.key_id)
        texts = {role: make_key(store, DEMO_NAME, role, None, "serve")[1] for role in (Role.BOOKING, Role.ADMIN)}
    say("A demo store. Keys for it, made anew:")
    say(f"  export MITAAN_KEY={texts[Role.BOOKING]}")
    say(f"  export MITAAN_ADMIN_KEY={texts[Role.ADMIN]}")


def _is_fresh(path: Path) -> bool:
    with open_database(str(path), create=True) as database:
        store = Store(database, load_catalogue())
        with database.read() as connection:
            today = database.now(connection).astimezone(IST).date()
        dates = store.dates(store.catalogue.cities_in_scheme()[0])
    return bool(dates) and (dates[0] - today).days in {0, 1}


def work_only(
    jobs: Annotated[int | None, typer.Option(min=0, max=64, help="Plans made at the same time here.")] = None,
    store_at: StoreAt = None,
) -> None:
    """Make plans, send events and keep house for a store that others serve, until Ctrl-C."""
    with faults_told(), store_told(False):
        settings = read_settings(job_places=jobs, database_url=store_at)
        expect_store(settings.database_url, new=False)
        open_database(settings.database_url).close()
        work(settings)


# ------------------------------------------------------------------------------------------- keys


@keys_app.command("create")
def keys_create(
    role: Annotated[str, typer.Option(help=f"One of {', '.join(Role)}.")],
    name: Annotated[
        str | None, typer.Option(help="Who calls with it: an id, by which holds know their caller; else the role.")
    ] = None,
    city: Annotated[list[str] | None, typer.Option(help="Only for this city; may be repeated.")] = None,
    a_minute: Annotated[int | None, typer.Option(help="Requests a minute, else as the settings say.")] = None,
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """Make a key. Its text is shown this once; the store keeps a hash of it."""
    with served(store_at, as_json, new=True) as store:
        key, text = make_key(store, name or role, role, city, "console", a_minute)
    if as_json:
        say_json({**key_json(key), "key": text})
        return
    _tell_keys("Made", [key])
    say("shown this once:")
    say(f"  {text}")


@keys_app.command("list")
def keys_list(store_at: StoreAt = None, as_json: Json = False) -> None:
    """All keys, the revoked ones too."""
    with served(store_at, as_json, writes=False) as store:
        keys = list_keys(store)
    if as_json:
        say_json({"keys": [key_json(key) for key in keys]})
    else:
        _tell_keys(f"{len(keys)} keys", keys)


@keys_app.command("revoke")
def keys_revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The id of a key, as `keys list` tells it.")],
    store_at: StoreAt = None,
    as_json: Json = False,
) -> None:
    """End a key: a second later at the latest nobody gets in with it."""
    with served(store_at, as_json) as store:
        ended = revoke_key(store, key)
    if ended is None:
        if as_json:
            say_json({"refused": {"code": "unknown_key", "subject": key}})
        else:
            say(f"refused: {key}: there is no such key [unknown_key]")
        raise typer.Exit(REFUSED)
    if as_json:
        say_json(key_json(ended))
    else:
        _tell_keys("Revoked", [ended])
    raise typer.Exit(DONE)


def _tell_keys(title: str, keys: list[ApiKey]) -> None:
    columns = ("key", "name", "role", "cities", "a minute", "made", "revoked")
    rows = (
        (
            key.key_id,
            key.name,
            key.role.value,
            "all" if key.cities is None else " ".join(sorted(key.cities)),
            key.a_minute,
            f"{key.created_at:%Y-%m-%d %H:%M}",
            None if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}",
        )
        for key in keys
    )
    table(title, columns, rows, columns[4:5])


# --------------------------------------------------------------------------------------- settings


def settings_told(as_json: Json = False) -> None:
    """All settings of the service: their values, where these come from, what they mean."""
    with faults_told(as_json, writes=False):
        rows = told_settings(read_settings())
    if as_json:
        fields = ("name", "variable", "value", "source", "meaning")
        say_json({"settings": [{name: getattr(row, name) for name in fields} for row in rows]})
        return
    columns = ("setting", "value", "from", "meaning")
    table("Settings", columns, ((row.variable, row.value, row.source, row.meaning) for row in rows))


def openapi(out: Annotated[Path | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None) -> None:
    """The OpenAPI document (3.1) of the HTTP interface."""
    from api.http.app import described, make_app  # noqa: PLC0415  loads the whole service

    with faults_told(writes=False):
        settings = read_settings(background=False)
    database = Database(":memory:")
    try:
        document = described(make_app(Store(database, load_catalogue()), settings))
    finally:
        database.close()
    if out is None:
        say_json(document)
        return
    with faults_told():
        write_files(out.parent, {out.name: json.dumps(document, ensure_ascii=False, indent=1) + "\n"})
    say(f"written: {out}")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("serve")(serve_http)
    app.command("work")(work_only)
    app.command("settings")(settings_told)
    app.command()(openapi)
    app.add_typer(keys_app, name="keys")

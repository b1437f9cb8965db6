"""The migrations of the store, run within the transaction of a connection; nobody needs an alembic.ini.

To write the next one: change `schema.py`, its REVISION included, and with a connection to an empty store at the last
revision let `command.revision(config(connection), "what changes", autogenerate=True, rev_id="0003")` write a draft.
"""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

LOCATION = "api.store:migrations"
_ONE_AT_A_TIME = threading.Lock()  # alembic hands its context to env.py in a global


def config(connection: Connection | None = None) -> Config:
    """The settings of alembic, with the connection that it is to use."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", LOCATION)
    settings.set_main_option("path_separator", "os")
    return settings


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to a revision. The caller commits."""
    with _ONE_AT_A_TIME:
        command.upgrade(config(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    """Bring the tables down to a revision, `base` for none at all. The caller commits."""
    with _ONE_AT_A_TIME:
        command.downgrade(config(connection), revision)

"""What alembic runs for each migration: within the transaction of the connection it was given, or not at all."""

from __future__ import annotations

from alembic import context

from api.store.schema import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite cannot alter a table in place
    # For drafts. On SQLite, which has no identity columns, the one of events would be told as a difference.
    compare_server_default=connection is not None and connection.dialect.name == "postgresql",
)
context.run_migrations()

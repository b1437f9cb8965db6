"""Closures, stop-sales and quotas with their reasons and authors; staff; rosters and their versions; capacity of days.

What days had by hand before becomes restrictions, too. Revision 0003, after 0002.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OPEN_ROSTER = "kind = 'roster' AND state IN ('queued', 'running')"
BEFORE = "before_0003"
"""Stands for the reason and the author of what was set when neither was asked for."""


def upgrade() -> None:
    """From 0002 to 0003."""
    op.create_table(
        "restrictions",
        sa.Column("restriction_id", TEXT, nullable=False),
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("open_s", sa.Integer(), nullable=True),
        sa.Column("close_s", sa.Integer(), nullable=True),
        sa.Column("kit", TEXT, nullable=True),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", TEXT, nullable=True),
        sa.CheckConstraint("kind IN ('closure', 'stop_sale', 'quota')", name="ck_restrictions_kind"),
        sa.PrimaryKeyConstraint("restriction_id", name="pk_restrictions"),
    )
    op.create_index("ix_restrictions_city_id_date", "restrictions", ["city_id", "date"])
    op.create_table(
        "staff",
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("city_id", name="pk_staff"),
    )
    op.create_table(
        "rosters",
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", TEXT, nullable=False),
        sa.Column("last", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("published_by", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("city_id", "number", name="pk_rosters"),
    )
    for column in (
        sa.Column("closed_slots", TEXT, server_default="{}", nullable=False),
        sa.Column("kit_quotas", TEXT, server_default="[]", nullable=False),
        sa.Column("capacity", TEXT, nullable=True),
        sa.Column("roster_number", sa.Integer(), nullable=True),
    ):
        op.add_column("days", column)
    _kinds_of_jobs("kind IN ('plan', 'solve', 'roster')")
    op.create_index(
        "uq_jobs_open_roster",
        "jobs",
        ["city_id"],
        unique=True,
        sqlite_where=sa.text(OPEN_ROSTER),
        postgresql_where=sa.text(OPEN_ROSTER),
    )
    _take_over()


def downgrade() -> None:
    """From 0003 to 0002; rosters that are being made, reasons, authors, staff, versions and capacity are lost.

    What was closed whole, not for sale, or limited for all kits stays so; slots that were closed are not for sale.
    Quotas of single kits are lost.
    """
    _stop_closed_slots()
    op.drop_index("uq_jobs_open_roster", "jobs")
    op.execute("DELETE FROM jobs WHERE kind = 'roster'")
    _kinds_of_jobs("kind IN ('plan', 'solve')")
    with op.batch_alter_table("days") as days:
        for column in ("roster_number", "capacity", "kit_quotas", "closed_slots"):
            days.drop_column(column)
    for table in ("rosters", "staff", "restrictions"):
        op.drop_table(table)


def _kinds_of_jobs(rule: str) -> None:
    """Another check of the kinds of jobs; SQLite has to write the table anew, with all its indexes."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ck_jobs_kind", "jobs", type_="check")
        op.create_check_constraint("ck_jobs_kind", "jobs", rule)
        return
    connection = op.get_bind()
    made = connection.execute(
        sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = 'jobs' AND sql IS NOT NULL")
    ).all()
    (table,) = (row.sql for row in made if row.type == "table")
    before, _, rest = table.partition("CONSTRAINT ck_jobs_kind CHECK (")
    _, _, after = rest.partition("))")
    op.execute("ALTER TABLE jobs RENAME TO jobs_before")
    for row in made:
        if row.type == "index":
            name = row.sql.split("INDEX ", 1)[1].split(" ", 1)[0]
            op.execute(f"DROP INDEX {name}")
    op.execute(f"{before}CONSTRAINT ck_jobs_kind CHECK ({rule}){after}")
    op.execute("INSERT INTO jobs SELECT * FROM jobs_before")
    op.execute("DROP TABLE jobs_before")
    for row in made:
        if row.type == "index":
            op.execute(row.sql)


def _stop_closed_slots() -> None:
    connection = op.get_bind()
    days = sa.table("days", *map(sa.column, ("city_id", "date", "closed_slots", "stop_sales")))
    for row in connection.execute(sa.select(days).where(days.c.closed_slots != "{}")).all():
        stopped = sorted({*json.loads(row.stop_sales), *map(int, json.loads(row.closed_slots))})
        own = (days.c.city_id == row.city_id) & (days.c.date == row.date)
        text = json.dumps(stopped, separators=(",", ":"))
        connection.execute(sa.update(days).where(own).values(stop_sales=text))


def _take_over() -> None:
    """What days have by hand, as restrictions."""
    connection = op.get_bind()
    read = ("city_id", "date", "seen_at", "closed_because", "slot_minutes", "stop_sales", "quotas")
    days = sa.table("days", *map(sa.column, read))
    rows = [values for row in connection.execute(sa.select(days)) for values in _restrictions_of(row)]
    names = ("restriction_id", "city_id", "date", "kind", "open_s", "close_s", "quota", "reason", "author", "made_at")
    if rows:
        connection.execute(sa.insert(sa.table("restrictions", *map(sa.column, names))), rows)


def _restrictions_of(row: Any) -> Iterator[dict[str, Any]]:
    opens_s = 8 * 3_600  # of every service day before this revision

    def made(kind: str, slot: int | None = None, quota: int | None = None) -> dict[str, Any]:
        open_s = None if slot is None else opens_s + slot * row.slot_minutes * 60
        return {
            "restriction_id": f"R{secrets.token_hex(10)}",
            "city_id": row.city_id,
            "date": row.date,
            "kind": kind,
            "open_s": open_s,
            "close_s": None if open_s is None else open_s + row.slot_minutes * 60,
            "quota": quota,
            "reason": row.closed_because if kind == "closure" else BEFORE,
            "author": BEFORE,
            "made_at": row.seen_at,
        }

    if row.closed_because is not None:
        yield made("closure")
    for slot in json.loads(row.stop_sales):
        yield made("stop_sale", slot)
    for slot, quota in json.loads(row.quotas).items():
        yield made("quota", int(slot), quota)

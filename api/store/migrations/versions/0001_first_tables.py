"""The first tables: rules of cities, days with their witness, bookings, deliveries, plans, events.

Revision 0001, after nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From an empty database to 0001."""
    op.create_table(
        "city_rules",
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("closes_s", sa.Integer(), nullable=False),
        sa.Column("hold_s", sa.Integer(), nullable=False),
        sa.Column("move_cutoff_s", sa.Integer(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("margin_pct", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("city_id", name="pk_city_rules"),
    )
    op.create_table(
        "days",
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_because", TEXT, nullable=True),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("travel", TEXT, nullable=False),
        sa.Column("stop_sales", TEXT, nullable=False, server_default="[]"),
        sa.Column("quotas", TEXT, nullable=False, server_default="{}"),
        sa.Column("roster", TEXT, nullable=False),
        sa.Column("witness", TEXT, nullable=False),
        sa.Column("empty_stops", TEXT, nullable=False, server_default="[]"),
        sa.Column("plan_number", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("city_id", "date", name="pk_days"),
    )
    op.create_table(
        "bookings",
        sa.Column("booking_id", TEXT, nullable=False),
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=False),
        sa.Column("slot_open_s", sa.Integer(), nullable=False),
        sa.Column("slot_close_s", sa.Integer(), nullable=False),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("service_s", sa.Integer(), nullable=False),
        sa.Column("skills", TEXT, nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("spread_m", sa.Integer(), nullable=False),
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("at_risk", sa.Boolean(), nullable=False),
        sa.Column("pinned_to", TEXT, nullable=True),
        sa.Column("executive_id", TEXT, nullable=True),
        sa.Column("moved_from", TEXT, nullable=True),
        sa.Column("moved_to", TEXT, nullable=True),
        sa.Column("not_served", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("booking_id", name="pk_bookings"),
        sa.CheckConstraint(
            "status IN ('held', 'booked', 'planned', 'on_the_way', 'served', 'not_served', 'certificate_due', "
            "'delivered', 'cancelled', 'moved', 'released', 'expired')",
            name="ck_bookings_status",
        ),
        sa.CheckConstraint("slot_open_s < slot_close_s", name="ck_bookings_slot"),
    )
    op.create_index("ix_bookings_city_id_date", "bookings", ["city_id", "date"])
    op.create_index("ix_bookings_group_id", "bookings", ["group_id"])
    op.create_index("ix_bookings_reference", "bookings", ["reference"])
    op.create_index(
        "ix_bookings_expires_at",
        "bookings",
        ["expires_at"],
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("reference", TEXT, nullable=False),
        sa.Column("booking_id", TEXT, nullable=True),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("spread_m", sa.Integer(), nullable=False),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("service_s", sa.Integer(), nullable=False),
        sa.Column("due", TEXT, nullable=True),
        sa.Column("ready_from", TEXT, nullable=False),
        sa.Column("collected_by", TEXT, nullable=True),
        sa.Column("held_by", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("planned_for", TEXT, nullable=True),
        sa.Column("executive_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_deliveries"),
        sa.CheckConstraint("status IN ('waiting', 'planned', 'delivered', 'cancelled')", name="ck_deliveries_status"),
    )
    op.create_index("ix_deliveries_city_id_status", "deliveries", ["city_id", "status"])
    op.create_index("ix_deliveries_reference", "deliveries", ["reference"])
    op.create_index("ix_deliveries_booking_id", "deliveries", ["booking_id"])
    op.create_table(
        "plans",
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("day_version", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("city_id", "date", "number", name="pk_plans"),
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_city_id_event_id", "events", ["city_id", "event_id"])


def downgrade() -> None:
    """From 0001 to an empty database; everything in it is lost."""
    for table in ("events", "plans", "deliveries", "bookings", "days", "city_rules"):
        op.drop_table(table)

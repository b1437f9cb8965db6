"""The tables of the store, the same on SQLite and on PostgreSQL, and how moments and JSON are written in them.

Moments are whole milliseconds since 1970 (UTC), dates are text as 2026-12-01 (it sorts), JSON is canonical text. Both
databases so hold the same, value for value. The tables are made by the migrations; a test holds them equal to these.
"""

from __future__ import annotations

import datetime as dt
import json

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

from optimizer.domain import BookingStatus
from optimizer.units import IST

REVISION = "0003"
"""What the migrations lead to. Revisions are numbers of four digits that grow: so old and new can be told apart."""
VERSION_TABLE = "mitaan_version"
"""Holds the revision of a database, and by its name says that the database is ours."""
ROLES = ("booking", "dispatch", "analyst", "admin")
JOB_KINDS = ("plan", "solve", "roster")
JOB_STATES = ("queued", "running", "done", "failed")
WEBHOOK_STATES = ("active", "disabled")
RESTRICTIONS = ("closure", "stop_sale", "quota")
DELIVERY_STATUSES = ("waiting", "planned", "delivered", "cancelled")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def epoch_ms(moment: dt.datetime) -> int:
    """A moment with its offset as milliseconds since 1970; what is finer is cut off."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()}: a moment has an offset")
    return (moment - _EPOCH) // _MILLISECOND


def moment(ms: int) -> dt.datetime:
    """Milliseconds since 1970 as local time of India."""
    return (_EPOCH + ms * _MILLISECOND).astimezone(IST)


def json_text(value: object) -> str:
    """JSON in its one canonical form: keys sorted, no blanks, Hindi as it is. Equal values give equal texts."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(word) for word in words)})"


TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and sorted by code point on both databases, whatever the locale of a server."""

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"})

city_rules = Table(
    "city_rules",  # a row only where a city differs from the defaults
    metadata,
    Column("city_id", TEXT, primary_key=True),
    Column("horizon_days", Integer, nullable=False),
    Column("closes_s", Integer, nullable=False),
    Column("hold_s", Integer, nullable=False),
    Column("move_cutoff_s", Integer, nullable=False),
    Column("slot_minutes", Integer, nullable=False),
    Column("margin_pct", Integer, nullable=False),
)

days = Table(
    "days",
    metadata,
    Column("city_id", TEXT, primary_key=True),
    Column("date", TEXT, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("seen_at", BigInteger, nullable=False),  # the latest moment the day was judged at: clocks may go backwards
    Column("published_at", BigInteger),
    Column("closed_because", TEXT),
    Column("slot_minutes", Integer, nullable=False),
    Column("travel", TEXT, nullable=False),  # the travel formula, whatever that of today is
    Column("stop_sales", TEXT, nullable=False, server_default="[]"),
    Column("quotas", TEXT, nullable=False, server_default="{}"),
    Column("roster", TEXT, nullable=False),
    Column("witness", TEXT, nullable=False),
    Column("empty_stops", TEXT, nullable=False, server_default="[]"),
    Column("plan_number", Integer),
    Column("closed_slots", TEXT, nullable=False, server_default="{}"),
    Column("kit_quotas", TEXT, nullable=False, server_default="[]"),
    Column("capacity", TEXT),  # the quotas that were computed, NULL before that
    Column("roster_number", Integer),  # of the roster the staff is from, NULL where it was set by hand
)

restrictions = Table(
    "restrictions",  # closures, stop-sales and quotas by hand; `days` has what follows from those not lifted
    metadata,
    Column("restriction_id", TEXT, primary_key=True),
    Column("city_id", TEXT, nullable=False),
    Column("date", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("open_s", Integer),  # NULL, as close_s: the whole day
    Column("close_s", Integer),
    Column("kit", TEXT),
    Column("quota", Integer),
    Column("reason", TEXT, nullable=False),
    Column("author", TEXT, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", TEXT),
    CheckConstraint(_one_of("kind", RESTRICTIONS), name="ck_restrictions_kind"),
)
Index("ix_restrictions_city_id_date", restrictions.c.city_id, restrictions.c.date)

staff = Table(
    "staff",  # who works in a city and what is agreed with them, as scenarios.staff writes it
    metadata,
    Column("city_id", TEXT, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("document", TEXT, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", TEXT, nullable=False),
)

rosters = Table(
    "rosters",  # that were published, all versions
    metadata,
    Column("city_id", TEXT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first", TEXT, nullable=False),
    Column("last", TEXT, nullable=False),
    Column("job_id", TEXT),
    Column("published_at", BigInteger, nullable=False),
    Column("published_by", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),
)

bookings = Table(
    "bookings",
    metadata,
    Column("booking_id", TEXT, primary_key=True),
    Column("group_id", TEXT, nullable=False),
    Column("city_id", TEXT, nullable=False),
    Column("date", TEXT, nullable=False),
    Column("slot_open_s", Integer, nullable=False),
    Column("slot_close_s", Integer, nullable=False),
    Column("service_id", TEXT, nullable=False),
    Column("service_s", Integer, nullable=False),
    Column("skills", TEXT, nullable=False),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("spread_m", Integer, nullable=False),
    Column("caller", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("reference", TEXT),
    Column("expires_at", BigInteger),
    Column("extended", Boolean, nullable=False),
    Column("at_risk", Boolean, nullable=False),
    Column("pinned_to", TEXT),
    Column("executive_id", TEXT),
    Column("moved_from", TEXT),
    Column("moved_to", TEXT),
    Column("not_served", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint(_one_of("status", tuple(status.value for status in BookingStatus)), name="ck_bookings_status"),
    CheckConstraint("slot_open_s < slot_close_s", name="ck_bookings_slot"),
)
Index("ix_bookings_city_id_date", bookings.c.city_id, bookings.c.date)
Index("ix_bookings_group_id", bookings.c.group_id)
Index("ix_bookings_reference", bookings.c.reference)
# Only holds expire, and there are few of them among all bookings of all days.
_HELD = bookings.c.expires_at.is_not(None)
Index("ix_bookings_expires_at", bookings.c.expires_at, sqlite_where=_HELD, postgresql_where=_HELD)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", TEXT, primary_key=True),
    Column("city_id", TEXT, nullable=False),
    Column("reference", TEXT, nullable=False),
    Column("booking_id", TEXT),
    Column("lon", Double, nullable=False),
    Column("lat", Double, nullable=False),
    Column("spread_m", Integer, nullable=False),
    Column("service_id", TEXT, nullable=False),
    Column("service_s", Integer, nullable=False),
    Column("due", TEXT),
    Column("ready_from", TEXT, nullable=False),
    Column("collected_by", TEXT),
    Column("held_by", TEXT),
    Column("status", TEXT, nullable=False),
    Column("planned_for", TEXT),
    Column("executive_id", TEXT),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    CheckConstraint(_one_of("status", DELIVERY_STATUSES), name="ck_deliveries_status"),
)
Index("ix_deliveries_city_id_status", deliveries.c.city_id, deliveries.c.status)
Index("ix_deliveries_reference", deliveries.c.reference)
Index("ix_deliveries_booking_id", deliveries.c.booking_id)

plans = Table(
    "plans",
    metadata,
    Column("city_id", TEXT, primary_key=True),
    Column("date", TEXT, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("published_at", BigInteger, nullable=False),
    Column("day_version", Integer, nullable=False),
    Column("document", TEXT, nullable=False),
)

events = Table(
    "events",
    metadata,
    # AUTOINCREMENT, since a plain rowid of SQLite would be given again after the newest event is deleted.
    Column("event_id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("city_id", TEXT, nullable=False),
    Column("date", TEXT),
    Column("kind", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("data", TEXT, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_city_id_event_id", events.c.city_id, events.c.event_id)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),  # what holds and bookings call their caller; several keys may share it
    Column("role", TEXT, nullable=False),
    Column("cities", TEXT),  # a list of ids, NULL for all
    Column("digest", TEXT, nullable=False),  # SHA-256 of the secret, which is nowhere kept
    Column("a_minute", Integer),  # requests, NULL for what the settings say
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("revoked_at", BigInteger),
    CheckConstraint(_one_of("role", ROLES), name="ck_api_keys_role"),
)

answers = Table(
    "answers",  # to requests with an Idempotency-Key, written together with what they changed
    metadata,
    Column("key_id", TEXT, primary_key=True),
    Column("idempotency_key", TEXT, primary_key=True),
    Column("fingerprint", TEXT, nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_answers_created_at", answers.c.created_at)

audit = Table(
    "audit",  # who changed what, or was not allowed to
    metadata,
    Column("audit_id", TEXT, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("key_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("city_id", TEXT),
    Column("status", Integer, nullable=False),
    Column("code", TEXT),
    Column("request_id", TEXT, nullable=False),
    Column("subjects", TEXT, nullable=False),
)
Index("ix_audit_at", audit.c.at, audit.c.audit_id)

jobs = Table(
    "jobs",  # plans and rosters being made, by processes of their own
    metadata,
    Column("job_id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("city_id", TEXT, nullable=False),
    Column("date", TEXT, nullable=False),
    Column("asked_by", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("limits", TEXT, nullable=False),
    Column("engine", TEXT, nullable=False),
    Column("day", TEXT),  # the day as a day file says it, NULL until the job has begun; of a roster what was asked
    Column("beside", TEXT, nullable=False, server_default="{}"),  # files the day names, by name
    Column("witness", TEXT),  # orders that keep all promises not at risk
    Column("day_version", Integer),
    Column("not_taken", TEXT, nullable=False, server_default="[]"),
    Column("orders", TEXT),  # of the best plan so far
    Column("document", TEXT),  # the best plan so far, as plan.json says it
    Column("progress", TEXT),  # the last message of the search
    Column("sequence", Integer, nullable=False, server_default="0"),  # grows with each change that others should see
    Column("stop_requested", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("spent_s", Double, nullable=False),  # of its time limit, by all attempts, up to the last sign of life
    Column("owner", TEXT),
    Column("beat_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("begun_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("error", TEXT),
    Column("published_as", Integer),
    CheckConstraint(_one_of("kind", JOB_KINDS), name="ck_jobs_kind"),
    CheckConstraint(_one_of("state", JOB_STATES), name="ck_jobs_state"),
)
_OPEN = jobs.c.state.in_(("queued", "running"))
_ONE = (jobs.c.kind == "plan") & _OPEN
_ONE_ROSTER = (jobs.c.kind == "roster") & _OPEN
Index("ix_jobs_city_id_date", jobs.c.city_id, jobs.c.date)
Index("ix_jobs_created_at", jobs.c.created_at)
Index("uq_jobs_open_plan", jobs.c.city_id, jobs.c.date, unique=True, sqlite_where=_ONE, postgresql_where=_ONE)
Index("uq_jobs_open_roster", jobs.c.city_id, unique=True, sqlite_where=_ONE_ROSTER, postgresql_where=_ONE_ROSTER)
Index("ix_jobs_open", jobs.c.state, jobs.c.created_at, sqlite_where=_OPEN, postgresql_where=_OPEN)

webhooks = Table(
    "webhooks",  # where events are sent, in their order
    metadata,
    Column("webhook_id", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("secret", TEXT, nullable=False),
    Column("cities", TEXT),  # a list of ids, NULL for all
    Column("kinds", TEXT),  # a list of kinds of events, NULL for all
    Column("created_by", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("sent_up_to", BigInteger, nullable=False),  # events up to this number are delivered, or were not for it
    Column("failures", Integer, nullable=False),  # in a row
    Column("failing_since", BigInteger),
    Column("next_try_at", BigInteger),
    Column("owner", TEXT),
    Column("owned_until", BigInteger),
    Column("last_answer", TEXT),
    CheckConstraint(_one_of("state", WEBHOOK_STATES), name="ck_webhooks_state"),
)

"""API keys, answers to repeated requests, audit, jobs, webhooks.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """From 0001 to 0002."""
    op.create_table(
        "answers",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name="pk_answers"),
    )
    op.create_index("ix_answers_created_at", "answers", ["created_at"])

    op.create_table(
        "api_keys",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("cities", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("a_minute", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("role IN ('booking', 'dispatch', 'analyst', 'admin')", name="ck_api_keys_role"),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("city_id", TEXT, nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("subjects", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at", "audit_id"])

    op.create_table(
        "jobs",
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("city_id", TEXT, nullable=False),
        sa.Column("date", TEXT, nullable=False),
        sa.Column("asked_by", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("limits", TEXT, nullable=False),
        sa.Column("engine", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=True),
        sa.Column("beside", TEXT, server_default="{}", nullable=False),
        sa.Column("witness", TEXT, nullable=True),
        sa.Column("day_version", sa.Integer(), nullable=True),
        sa.Column("not_taken", TEXT, server_default="[]", nullable=False),
        sa.Column("orders", TEXT, nullable=True),
        sa.Column("document", TEXT, nullable=True),
        sa.Column("progress", TEXT, nullable=True),
        sa.Column("sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("spent_s", sa.Double(), nullable=False),
        sa.Column("owner", TEXT, nullable=True),
        sa.Column("beat_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("published_as", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind IN ('plan', 'solve')", name="ck_jobs_kind"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name="ck_jobs_state"),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_city_id_date", "jobs", ["city_id", "date"])
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"])
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["state", "created_at"],
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_jobs_open_plan",
        "jobs",
        ["city_id", "date"],
        unique=True,
        sqlite_where=sa.text("kind = 'plan' AND state IN ('queued', 'running')"),
        postgresql_where=sa.text("kind = 'plan' AND state IN ('queued', 'running')"),
    )

    op.create_table(
        "webhooks",
        sa.Column("webhook_id", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("cities", TEXT, nullable=True),
        sa.Column("kinds", TEXT, nullable=True),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("sent_up_to", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", TEXT, nullable=True),
        sa.Column("owned_until", sa.BigInteger(), nullable=True),
        sa.Column("last_answer", TEXT, nullable=True),
        sa.CheckConstraint("state IN ('active', 'disabled')", name="ck_webhooks_state"),
        sa.PrimaryKeyConstraint("webhook_id", name="pk_webhooks"),
    )


def downgrade() -> None:
    """From 0002 to 0001; what is in these tables is lost."""
    for table in ("webhooks", "jobs", "audit", "api_keys", "answers"):
        op.drop_table(table)

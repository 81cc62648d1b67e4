"""Decisions, their findings, and what reviewers said of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _decisions() -> list[sa.schema.SchemaItem]:
    texts = [
        sa.Column(name, sa.String(size), nullable=False)
        for name, size in (
            ("time", 32), ("day", 10), ("decision", 16), ("agent", 200), ("shop", 200), ("session", 200), ("channel", 32),
            ("verdict", 16), ("lexicon", 64),
        )
    ]  # fmt: skip
    return [
        sa.Column("id", _ID, primary_key=True),
        sa.Column("recorded_by", sa.String(200), nullable=False),
        sa.Column("client_id", sa.String(200)),
        *texts,
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("platforms", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("context", sa.JSON, nullable=False),
        sa.Column("sent_text", sa.Text),
        sa.Column("redacted", sa.Boolean, nullable=False),
        sa.UniqueConstraint("recorded_by", "client_id", name="decisions_once"),
    ]


def upgrade() -> None:
    op.create_table("decisions", *_decisions())
    op.create_table(
        "findings",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.id", ondelete="CASCADE"), nullable=False),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("suggestion", sa.Text, nullable=False),
        sa.Column("verdicts", sa.JSON, nullable=False),
        sa.Column("clauses", sa.JSON, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("finding_id", _ID, sa.ForeignKey("findings.id", ondelete="CASCADE"), nullable=False),
        sa.Column("time", sa.String(32), nullable=False),
        sa.Column("review", sa.String(16), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("reviewer", sa.String(200), nullable=False),
        sa.Column("recorded_by", sa.String(200), nullable=False),
    )
    op.create_index("decisions_day", "decisions", ["day"])
    op.create_index("findings_decision", "findings", ["decision_id"])
    op.create_index("reviews_finding", "reviews", ["finding_id"])


def downgrade() -> None:
    for table in ("reviews", "findings", "decisions"):
        op.drop_table(table)

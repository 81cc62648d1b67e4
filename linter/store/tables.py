"""The tables as the code of today reads them. How a database came to look like this is told by the migrations.

Times are UTC as ISO text, which sorts, and reads the same on SQLite and PostgreSQL; `day` is the day in the server's own
zone, because that is the day people mean.
"""

from __future__ import annotations

import sqlalchemy as sa

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = 200

metadata = sa.MetaData()

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("recorded_by", sa.String(NAME), nullable=False),  # the token's name; with client_id the idempotency key
    sa.Column("client_id", sa.String(NAME)),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("agent", sa.String(NAME), nullable=False),
    sa.Column("shop", sa.String(NAME), nullable=False),
    sa.Column("session", sa.String(NAME), nullable=False),
    sa.Column("channel", sa.String(32), nullable=False),
    sa.Column("platforms", sa.JSON, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("context", sa.JSON, nullable=False),
    sa.Column("sent_text", sa.Text),
    sa.Column("redacted", sa.Boolean, nullable=False),
    sa.Column("lexicon", sa.String(64), nullable=False),
    sa.UniqueConstraint("recorded_by", "client_id", name="decisions_once"),
)

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("decision_id", ID, sa.ForeignKey("decisions.id", ondelete="CASCADE"), nullable=False),
    sa.Column("rule", sa.String(100), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("suggestion", sa.Text, nullable=False),
    sa.Column("verdicts", sa.JSON, nullable=False),  # by platform
    sa.Column("clauses", sa.JSON, nullable=False),  # ids
    sa.Column("status", sa.String(16), nullable=False),  # open, or what the latest review says
)

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("finding_id", ID, sa.ForeignKey("findings.id", ondelete="CASCADE"), nullable=False),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("review", sa.String(16), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("reviewer", sa.String(NAME), nullable=False),
    sa.Column("recorded_by", sa.String(NAME), nullable=False),
)

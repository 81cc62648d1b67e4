"""A finding knows what its latest review says, so that the queue of open ones does not read every review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("findings", sa.Column("status", sa.String(16), nullable=False, server_default="open"))
    op.execute(
        "UPDATE findings SET status = (SELECT review FROM reviews WHERE reviews.finding_id = findings.id "
        "ORDER BY reviews.id DESC LIMIT 1) WHERE id IN (SELECT finding_id FROM reviews)"
    )
    op.create_index("findings_status", "findings", ["status", "decision_id"])
    op.create_index("findings_rule", "findings", ["rule", "decision_id"])


def downgrade() -> None:
    op.drop_index("findings_rule", "findings")
    op.drop_index("findings_status", "findings")
    op.drop_column("findings", "status")

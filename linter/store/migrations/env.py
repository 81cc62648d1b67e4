"""Alembic's way in: it is given a connection that is inside a transaction, and upgrades on it."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()

"""Alembic's steps from one schema of the register to the next; run by `tasks.record.database` at open."""

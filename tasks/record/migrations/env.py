"""What Alembic runs: on the connection that `tasks.record.database` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from tasks.record.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

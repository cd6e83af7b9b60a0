"""Which releases are incomplete since somebody withdrew, and what leads from a model to its run at once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawal",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("release", sa.String(128), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.tag"], name="fk_withdrawal_release", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", "release", name="pk_withdrawal"),
    )
    op.create_index("ix_model_run_id", "model", ["run_id"])
    op.create_index("ix_release_item_study", "release_item", ["study"])


def downgrade() -> None:
    op.drop_index("ix_release_item_study", "release_item")
    op.drop_index("ix_model_run_id", "model")
    op.drop_table("withdrawal")

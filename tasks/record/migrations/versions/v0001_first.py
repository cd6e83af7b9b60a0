"""The first schema of the register."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

counter = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "run",
        sa.Column("id", counter, autoincrement=True, nullable=False),
        sa.Column("flow_run", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.DateTime(timezone=True)),
        sa.Column("tally", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
    )
    op.create_table(
        "unit",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("study", sa.String(32), nullable=False),
        sa.Column("modality", sa.String(16), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("unit", name="pk_unit"),
    )
    op.create_index("ix_unit_patient", "unit", ["patient"])
    op.create_index("ix_unit_state", "unit", ["state"])
    op.create_table(
        "item",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("refused_by", sa.String(32)),
        sa.Column("sop", sa.String(64)),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "item", name="pk_item"),
    )
    op.create_index("ix_item_reason", "item", ["reason"])
    op.create_index("ix_item_sop", "item", ["sop"])
    op.create_table(
        "step",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(128)),
        sa.ForeignKeyConstraint(["unit"], ["unit.unit"], name="fk_step_unit", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("unit", "stage", name="pk_step"),
    )
    op.create_table(
        "event",
        sa.Column("id", counter, autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("item", sa.String(64)),
        sa.Column("before", sa.String(16)),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_unit", "event", ["unit"])
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_cursor"),
    )
    op.create_table(
        "release",
        sa.Column("tag", sa.String(128), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("dvc", sa.String(64)),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.Column("flow_run", sa.String(64)),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("created", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("tag", name="pk_release"),
    )
    op.create_index("ix_release_name", "release", ["name"])
    op.create_index("ix_release_name_number", "release", ["name", "number"], unique=True)
    op.create_table(
        "release_item",
        sa.Column("release", sa.String(128), nullable=False),
        sa.Column("series", sa.String(64), nullable=False),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("study", sa.String(32), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.tag"], name="fk_release_item_release", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("release", "series", "instance", name="pk_release_item"),
    )
    op.create_index("ix_release_item_patient", "release_item", ["patient"])
    op.create_table(
        "model",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("release", sa.String(128), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.tag"], name="fk_model_release"),
        sa.PrimaryKeyConstraint("name", "version", name="pk_model"),
    )
    op.create_index("ix_model_release", "model", ["release"])
    op.create_table(
        "model_patient",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("patient", sa.String(32), nullable=False),
        sa.Column("split", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "version"], ["model.name", "model.version"], name="fk_model_patient_name_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name", "version", "patient", name="pk_model_patient"),
    )
    op.create_index("ix_model_patient_patient", "model_patient", ["patient"])


def downgrade() -> None:
    for table in (
        "model_patient", "model", "release_item", "release", "cursor", "event", "step", "item", "unit", "run",
    ):
        op.drop_table(table)

"""The tables of the register, typed. What is in them is pseudonymous; a column for an identifier does not belong here.

Every change to this page needs a step in migrations/versions; a test compares the two.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HEAD = "0004"
"""The newest migration: a register that says so needs no Alembic at open."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}
_Counter = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=_NAMES)


class RunRow(Base):
    """One run of the flow, or of stages by hand (`flow_run` is null).

    `holder` is the process, `until` (seconds since 1970) when it counts as gone unless it says that it lives.
    """

    __tablename__ = "run"

    id: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    flow_run: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    started: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    tally: Mapped[str | None] = mapped_column(Text)
    holder: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[float | None] = mapped_column(Double)


class UnitRow(Base):
    """One series of the source, as last registered."""

    __tablename__ = "unit"

    unit: Mapped[str] = mapped_column(String(32), primary_key=True)
    patient: Mapped[str] = mapped_column(String(32), index=True)
    study: Mapped[str] = mapped_column(String(32))
    modality: Mapped[str] = mapped_column(String(16))
    expected: Mapped[int] = mapped_column(Integer)
    bytes: Mapped[int] = mapped_column(BigInteger)
    fingerprint: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)


class ItemRow(Base):
    """One thing the source offers. `unit` is empty for what never became part of a unit.

    `passed` tells whether it left de-identification for the next stage: only then may a later stage name it by `sop`.
    `refused_by` is the stage that gave `reason`.
    """

    __tablename__ = "item"

    unit: Mapped[str] = mapped_column(String(32), primary_key=True)
    item: Mapped[str] = mapped_column(String(64), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64), index=True)
    refused_by: Mapped[str | None] = mapped_column(String(32))
    sop: Mapped[str | None] = mapped_column(String(64), index=True)
    passed: Mapped[bool]


class StepRow(Base):
    """A stage that finished for a unit, under `key` (what it depended on), and the digest of what it wrote."""

    __tablename__ = "step"

    unit: Mapped[str] = mapped_column(ForeignKey("unit.unit", ondelete="CASCADE"), primary_key=True)
    stage: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(String(128))


class EventRow(Base):
    """Every transition, in order, written in the transaction that made it."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    stage: Mapped[str] = mapped_column(String(32))
    unit: Mapped[str] = mapped_column(String(32), index=True)
    item: Mapped[str | None] = mapped_column(String(64))
    before: Mapped[str | None] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))


class LeaseRow(Base):
    """Who works on a unit, and until when (seconds since 1970) nobody else may take it."""

    __tablename__ = "lease"

    unit: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), index=True)
    until: Mapped[float] = mapped_column(Double)


class AttemptRow(Base):
    """How often a stage failed on a unit since it last passed, and the code of the last failure."""

    __tablename__ = "attempt"

    unit: Mapped[str] = mapped_column(String(32), primary_key=True)
    stage: Mapped[str] = mapped_column(String(32), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OutboxRow(Base):
    """What other systems are told, entered in the transaction that made it; `published` when a sink had it."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(_Counter, primary_key=True, autoincrement=True)
    uid: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
    published: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)


class CursorRow(Base):
    """How far a change feed was read."""

    __tablename__ = "cursor"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class SeenRow(Base):
    """What the source was last seen to hold of a series, against what was taken; see `sightings`.

    `marks` is JSON: the size in bytes of each instance that was taken, by a pseudonym of its SOPInstanceUID.
    """

    __tablename__ = "seen"

    unit: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    here: Mapped[int] = mapped_column(Integer)
    late: Mapped[int] = mapped_column(Integer)
    gone: Mapped[int] = mapped_column(Integer)
    lost: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer)
    marks: Mapped[str | None] = mapped_column(Text)


class ReleaseRow(Base):
    """One published release."""

    __tablename__ = "release"

    tag: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True)
    number: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(String(64))
    dvc: Mapped[str | None] = mapped_column(String(64))
    commit: Mapped[str] = mapped_column(String(64))
    flow_run: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(32))
    created: Mapped[str] = mapped_column(String(32))


class ReleaseItemRow(Base):
    """Which instance a release holds, and whose it is."""

    __tablename__ = "release_item"

    release: Mapped[str] = mapped_column(ForeignKey("release.tag", ondelete="CASCADE"), primary_key=True)
    series: Mapped[str] = mapped_column(String(64), primary_key=True)
    instance: Mapped[str] = mapped_column(String(64), primary_key=True)
    study: Mapped[str] = mapped_column(String(32), index=True)
    patient: Mapped[str] = mapped_column(String(32), index=True)


class ModelRow(Base):
    """A model in MLflow's registry, and the release it was trained on."""

    __tablename__ = "model"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(64), index=True)
    release: Mapped[str] = mapped_column(ForeignKey("release.tag"), index=True)


class ModelPatientRow(Base):
    """Which patients a model saw, and in which split: `train` are the ones it learned from."""

    __tablename__ = "model_patient"
    __table_args__ = (ForeignKeyConstraint(["name", "version"], ["model.name", "model.version"], ondelete="CASCADE"),)

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    version: Mapped[str] = mapped_column(String(32), primary_key=True)
    patient: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    split: Mapped[str] = mapped_column(String(32))


class WithdrawalRow(Base):
    """That a release is incomplete since a withdrawal, and by how much. Who withdrew is not kept."""

    __tablename__ = "withdrawal"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    release: Mapped[str] = mapped_column(ForeignKey("release.tag", ondelete="CASCADE"), primary_key=True)
    at: Mapped[str] = mapped_column(String(32))
    series: Mapped[int] = mapped_column(Integer)
    instances: Mapped[int] = mapped_column(Integer)


Index("ix_release_name_number", ReleaseRow.name, ReleaseRow.number, unique=True)

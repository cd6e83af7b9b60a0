"""What a lineage is made of: the model or the patient that was asked for, and the nodes below. Joined in `joins`."""

from __future__ import annotations

from typing import Literal

from tasks.core.models import Frozen
from tasks.record.withdrawals import Held


class SeriesNode(Frozen):
    """A series of a release, by its new UID."""

    series: str
    instances: tuple[str, ...]


class StudyNode(Frozen):
    """A study, with the series of it that a release holds."""

    study: str
    series: tuple[SeriesNode, ...]


class PatientNode(Frozen):
    """A patient as a model saw them."""

    patient: str
    split: str
    studies: tuple[StudyNode, ...]

    @property
    def instances(self) -> int:
        """How many instances."""
        return sum(len(series.instances) for study in self.studies for series in study.series)


class ReleaseNode(Frozen):
    """A release; `gone` is how much of it was withdrawn. `series` and `instances` are those that are asked about."""

    tag: str
    dvc: str | None
    commit: str
    created: str
    flow_run: str | None
    series: int
    instances: int
    gone: Held | None = None


class UnitNode(Frozen):
    """A series of the source, and where it stands."""

    unit: str
    study: str
    modality: str
    expected: int
    state: str


class ModelNode(Frozen):
    """A model that saw the patient, and in which split they were."""

    name: str
    version: str
    run_id: str
    release: str
    split: str


class ModelLineage(Frozen):
    """Whose scans a model learned from: its run, its release, and everybody in it."""

    kind: Literal["model"] = "model"
    name: str
    version: str
    run_id: str
    release: ReleaseNode
    patients: tuple[PatientNode, ...]


class PatientLineage(Frozen):
    """What a patient is in. `asked` is the pseudonym that was asked for: the patient's, a study's or a series'."""

    kind: Literal["patient"] = "patient"
    asked: str
    patient: str
    units: tuple[UnitNode, ...]
    releases: tuple[ReleaseNode, ...]
    models: tuple[ModelNode, ...]

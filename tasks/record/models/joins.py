"""From a model to its patients and from a patient to the models, by the register alone: no server is asked.

Adapters of MLflow write what is joined here (`lineage`); how it is shown belongs into flows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sqlalchemy import select

from tasks.core.errors import ConfigurationError
from tasks.record.ledger import Ledger
from tasks.record.models.trees import (
    ModelLineage,
    ModelNode,
    PatientLineage,
    PatientNode,
    ReleaseNode,
    SeriesNode,
    StudyNode,
    UnitNode,
)
from tasks.record.register import Model, Release, models_of_patient, releases
from tasks.record.schema import ModelPatientRow, ReleaseItemRow, UnitRow
from tasks.record.withdrawals import Held

NO_SPLIT = "not used"
"""The split of patients whom a release holds and a model did not see."""


def lineage_of_model(ledger: Ledger, model: Model, gone: Mapping[str, Held]) -> ModelLineage:
    """From a model to the instances that it could learn from. `gone` is what was withdrawn, by release."""
    release = next(one for one in releases(ledger) if one.tag == model.release)
    row, seen = ReleaseItemRow, ModelPatientRow
    held = select(row.patient, row.study, row.series, row.instance).where(row.release == model.release)
    splits = select(seen.patient, seen.split).where(seen.name == model.name, seen.version == model.version)
    with ledger.database.read() as connection:
        rows = connection.execute(held).tuples().all()
        split = dict(connection.execute(splits).tuples().all())
    tree: dict[str, dict[str, dict[str, list[str]]]] = {patient: {} for patient in split}
    for patient, study, series, instance in rows:
        tree.setdefault(patient, {}).setdefault(study, {}).setdefault(series, []).append(instance)
    patients = tuple(
        PatientNode(patient=patient, split=split.get(patient, NO_SPLIT), studies=_studies(tree[patient]))
        for patient in sorted(tree)
    )
    counted = _node(release, len({(one[1], one[2]) for one in rows}), len(rows), gone)
    return ModelLineage(name=model.name, version=model.version, run_id=model.run_id, release=counted, patients=patients)


def lineage_of_patient(ledger: Ledger, asked: str, gone: Mapping[str, Held]) -> PatientLineage:
    """From a patient, a study or a series (pseudonyms) to the releases that hold it and the models that saw it."""
    column = {"p": UnitRow.patient, "s": UnitRow.study, "u": UnitRow.unit}[asked[0]]
    row = ReleaseItemRow
    with ledger.database.read() as connection:
        columns = (UnitRow.unit, UnitRow.study, UnitRow.modality, UnitRow.expected, UnitRow.state, UnitRow.patient)
        found = connection.execute(select(*columns).where(column == asked).order_by(UnitRow.unit)).tuples().all()
        patient = next((one[5] for one in found), asked if asked[0] == "p" else "")
        if not patient:  # no longer in the cohort: an older release may know the study
            query = select(row.patient).where(row.study == asked).limit(1)
            patient = connection.execute(query).scalar() or ""
        held = select(row.release, row.study, row.series, row.instance).where(row.patient == patient)
        if asked[0] != "p":
            held = held.where(row.study.in_(sorted({one[1] for one in found} | {asked})))
        rows = connection.execute(held).tuples().all()
    if not found and not rows:
        raise ConfigurationError(f"nothing here has the pseudonym {asked}: it may have been withdrawn, or be another's")
    nodes = []
    for release in releases(ledger):
        of_release = [one for one in rows if one[0] == release.tag]
        if of_release:
            series = len({(one[1], one[2]) for one in of_release})
            nodes.append(_node(release, series, len(of_release), gone))
    tags = {node.tag for node in nodes}
    models = tuple(
        ModelNode(name=model.name, version=model.version, run_id=model.run_id, release=model.release, split=split)
        for model, split in models_of_patient(ledger, patient)
        if model.release in tags
    )
    units = tuple(
        UnitNode(unit=unit, study=study, modality=modality, expected=expected, state=state)
        for unit, study, modality, expected, state, _ in found
    )
    return PatientLineage(asked=asked, patient=patient, units=units, releases=tuple(nodes), models=models)


def is_pseudonym(asked: str) -> bool:
    """Whether this is the pseudonym of a patient, a study or a series."""
    return re.fullmatch(r"[psu][a-z2-7]{12}", asked) is not None


def _studies(tree: Mapping[str, Mapping[str, Iterable[str]]]) -> tuple[StudyNode, ...]:
    return tuple(
        StudyNode(
            study=study,
            series=tuple(
                SeriesNode(series=series, instances=tuple(sorted(instances)))
                for series, instances in sorted(tree[study].items())
            ),
        )
        for study in sorted(tree)
    )


def _node(release: Release, series: int, instances: int, gone: Mapping[str, Held]) -> ReleaseNode:
    return ReleaseNode(
        tag=release.tag,
        dvc=release.dvc,
        commit=release.commit,
        created=release.created,
        flow_run=release.flow_run,
        series=series,
        instances=instances,
        gone=gone.get(release.tag),
    )

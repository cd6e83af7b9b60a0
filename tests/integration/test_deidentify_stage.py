"""The stage over a workspace: fetched, de-identified in processes, deleted, entered; and again only what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.errors import TransientSourceError
from tasks.core.files import write_json, write_text
from tasks.core.models import AppliedProfile, Cohort, Item, State, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.deidentify.rules.profile import PRESETS
from tasks.deidentify.stage import deidentify, unfinished
from tasks.record.ledger import Ledger
from tests.support.identified import KEY, PSEUDONYMISER, STUDY, make_ct, part10

PATIENTS = ("MRN-1001", "MRN-1002", "MRN-1003")


class Hospital:
    """A feed that has one series a patient, and counts what it is asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.fetched: list[str] = []
        self.down_for: set[str] = set()
        self.contents = {unit_of(patient).unit: contents_of(patient) for patient in PATIENTS}

    def fetch(self, unit: Unit) -> UnitResult:
        if unit.unit in self.down_for:
            raise TransientSourceError("the source is down: run again later")
        self.fetched.append(unit.unit)
        folder = self.workspace.quarantine / unit.unit
        folder.mkdir(parents=True, mode=0o700)
        contents = self.contents[unit.unit]
        for number, content in enumerate(contents):
            (folder / f"{unit.unit}{number}.dcm").write_bytes(content)
        items = tuple(Item(item=f"{unit.unit}{number}", state=State.EXTRACTED) for number in range(len(contents)))
        return UnitResult(unit=unit.unit, items=items)

    def fetch_tables(self) -> Mapping[str, tuple[str, str]]:
        folder = self.workspace.quarantine / "tables"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "labels.csv").write_text(f"PatientID,lesion\n{PATIENTS[0]},1\n")
        return {}

    @contextmanager
    def connect(self) -> Iterator[Hospital]:
        yield self


def contents_of(patient: str) -> list[bytes]:
    screen = make_ct(f"1.2.3.{patient[-4:]}.9", patient)
    screen.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    if patient == PATIENTS[2]:
        return [part10(screen)]
    return [*(part10(make_ct(f"1.2.3.{patient[-4:]}.{number}", patient)) for number in (1, 2)), part10(screen)]


def unit_of(patient: str) -> Unit:
    return Unit(
        unit=PSEUDONYMISER.unit(patient, STUDY, "1"),
        patient=PSEUDONYMISER.patient(patient, STUDY),
        study=PSEUDONYMISER.study(patient, STUDY),
        modality="CT",
        expected=len(contents_of(patient)),
        bytes=1000,
        fingerprint=patient[-1],
    )


def freeze(workspace: Workspace, patients: Sequence[str]) -> Cohort:
    cohort = Cohort(
        key_id=PSEUDONYMISER.key_id,
        criteria="c",
        units=tuple(sorted((unit_of(patient) for patient in patients), key=lambda unit: unit.unit)),
        tables={"labels": "d"},
    )
    write_json(workspace.cohort_lock, cohort.model_dump(mode="json"))
    return cohort


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    write_text(
        tmp_path / "params.yaml", "deidentify: {pixels: {look: false}}\nrun: {processes: 1, batch_instances: 5}\n"
    )
    made = Workspace(tmp_path)
    made.prepare()
    made.key_file.write_text(KEY.hex())
    made.key_file.chmod(0o600)
    return made


def test_what_is_done_is_not_done_again_and_what_left_is_taken_away(workspace: Workspace) -> None:
    cohort, hospital = freeze(workspace, PATIENTS), Hospital(workspace)
    summary = deidentify(workspace, hospital.connect)
    assert (summary.done_now, summary.unchanged, summary.kept) == (3, 0, 4)
    assert summary.refused == {Reason.BURNED_IN_RISK.code: 3}
    assert list(workspace.quarantine.iterdir()) == []
    archives = {path.relative_to(workspace.deidentified).as_posix() for path in workspace.deidentified.rglob("*.zip")}
    assert archives == {unit_of(patient).archive for patient in PATIENTS[:2]}
    assert pd.read_parquet(workspace.deidentified / "records" / "labels.parquet")["lesion"].tolist() == [1]
    with Ledger.open(workspace) as ledger:
        assert ledger.by_reason(cohort) == {Reason.BURNED_IN_RISK: 3}
        assert unfinished(workspace, ledger, cohort.units) == []

    hospital.fetched.clear()
    again = deidentify(workspace, hospital.connect)
    assert (again.done_now, again.unchanged, hospital.fetched) == (0, 3, [])

    statement = workspace.deidentified / "profile.json"
    told = statement.read_bytes()
    applied = AppliedProfile.model_validate_json(told)
    assert (applied.name, applied.version) == ("research", VERSION)
    assert set(applied.options) == set(PRESETS["research"])
    assert "PS3.15 Table E.1-1" in applied.table
    statement.unlink()
    deidentify(workspace, hospital.connect)
    assert (statement.read_bytes(), hospital.fetched) == (told, [])

    first = unit_of(PATIENTS[0])
    before = (workspace.deidentified / first.archive).read_bytes()
    (workspace.deidentified / first.archive).unlink()
    deidentify(workspace, hospital.connect)
    assert hospital.fetched == [first.unit]
    assert (workspace.deidentified / first.archive).read_bytes() == before

    freeze(workspace, PATIENTS[:1])
    assert deidentify(workspace, hospital.connect).removed == 1
    assert [path.name for path in workspace.deidentified.rglob("*.zip")] == [Path(first.archive).name]

    write_text(workspace.params, "run: {processes: 1}\ndeidentify: {profile: basic}\n")
    with Ledger.open(workspace) as ledger:
        assert unfinished(Workspace(workspace.root), ledger, [first]) == [first]


def test_a_source_that_fails_leaves_nothing_identified_and_the_next_run_goes_on(workspace: Workspace) -> None:
    freeze(workspace, PATIENTS)
    hospital = Hospital(workspace)
    hospital.down_for = {max(unit_of(patient).unit for patient in PATIENTS)}
    with pytest.raises(TransientSourceError):
        deidentify(workspace, hospital.connect)
    assert list(workspace.quarantine.iterdir()) == []
    hospital.down_for.clear()
    done_before = len(list(workspace.deidentified.rglob("*.zip")))
    summary = deidentify(workspace, hospital.connect)
    assert summary.done_now + summary.unchanged == 3
    assert summary.unchanged >= 1
    assert len(list(workspace.deidentified.rglob("*.zip"))) == 2 >= done_before

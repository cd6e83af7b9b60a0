"""Selecting and freezing: pseudonymous, the same for the same source, and merged by what a run looked at."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from tasks.core.cohort import read_cohort, render
from tasks.core.errors import ConfigurationError
from tasks.core.models import Cohort, Item, Unit
from tasks.core.pseudonyms import new_key
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.__main__ import extract
from tasks.extract.freeze import freeze
from tasks.extract.select import EmptyCohort, Selection, select
from tasks.extract.tables import fetch_tables
from tests.support.dicom import make_dicom
from tests.support.places import with_params


def put(
    folder: Path, series: int, instance: int = 1, *, day: str = "20200102", modality: str = "CT", **more: str
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    attributes = {"StudyDate": day, "Modality": modality, "SeriesInstanceUID": f"1.2.3.1.{series}", **more}
    (folder / f"{series}-{instance}").write_bytes(make_dicom(f"1.2.3.1.{series}.{instance}", **attributes))


@pytest.fixture
def source(workspace: Workspace, tmp_path: Path) -> Path:
    """A folder with three series of two days: CT on 2 January with two instances, MR and CT on 5 January with one."""
    folder = tmp_path / "source"
    put(folder, 1, 1)
    put(folder, 1, 2)
    put(folder, 2, day="20200105", modality="MR", StudyInstanceUID="1.2.3.2", AccessionNumber="A2", PatientID="P2")
    put(folder, 3, day="20200105", StudyInstanceUID="1.2.3.2", AccessionNumber="A2", PatientID="P2")
    with_params(workspace, extract={"source": "folder", "folder": str(folder)})
    return folder


def again(workspace: Workspace) -> Workspace:
    return Workspace(workspace.root)


def test_units_are_sorted_counted_and_keyed_to_handles(workspace: Workspace, source: Path) -> None:
    selection = select(workspace)
    units = selection.cohort.units
    assert [unit.unit for unit in units] == sorted(unit.unit for unit in units)
    assert sorted((unit.modality, unit.expected) for unit in units) == [("CT", 1), ("CT", 2), ("MR", 1)]
    for unit in units:
        handles = selection.handles[unit.unit]
        assert len(handles) == unit.expected
        assert sum(handle.size for handle in handles) == unit.bytes
    assert not selection.narrowed
    assert selection.cursor is None


def test_the_same_folder_elsewhere_gives_the_same_cohort_byte_for_byte(
    workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    first = render(select(workspace).cohort)
    shutil.move(source, tmp_path / "moved")
    moved = with_params(workspace, extract={"folder": str(tmp_path / "moved")})
    assert render(select(moved).cohort) == first


def test_nothing_that_is_kept_or_shown_names_the_source(workspace: Workspace, source: Path) -> None:
    put(source, 9, SOPClassUID="")
    selection = select(workspace)
    freeze(workspace, selection)
    shown = workspace.cohort_lock.read_text() + repr(selection) + repr(selection.handles)
    for identifier in ("P1", "P2", "A1", "A2", "1.2.3", "2020", "Roe", "source", "1-1", "9-1"):
        assert identifier not in shown, identifier


def test_accessions_lead_to_their_study_unless_they_name_two(workspace: Workspace, source: Path) -> None:
    put(source, 7, StudyInstanceUID="1.2.3.7", AccessionNumber="A1")
    accessions = select(workspace, start=date(2020, 1, 1), end=date(2020, 1, 3)).accessions
    units = select(workspace).cohort.units
    assert accessions == {"A2": next((unit.patient, unit.study) for unit in units if unit.modality == "MR")}


def test_a_modality_that_is_no_code_never_becomes_a_path(workspace: Workspace, source: Path) -> None:
    put(source, 8, modality="../../ETC")
    assert {unit.modality for unit in select(workspace).cohort.units} == {"CT", "MR", "OT"}


def test_an_empty_cohort_says_what_was_asked_and_what_there_is(workspace: Workspace, source: Path) -> None:
    with pytest.raises(EmptyCohort) as error:
        select(workspace, start=date(2021, 1, 1), modalities=["US"])
    assert "3 series" in str(error.value)
    assert "2021-01-01" in str(error.value)
    assert "US" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_dicom_is_an_empty_cohort(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Dear colleague")
    changed = with_params(workspace, extract={"source": "folder", "folder": str(tmp_path / "letters")})
    with pytest.raises(EmptyCohort, match="1 files or instances were refused"):
        select(changed)


@pytest.mark.parametrize(("folder", "told"), [(None, "not set"), ("nowhere", "no folder")])
def test_a_folder_that_is_not_there_is_told(workspace: Workspace, folder: str | None, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        select(with_params(workspace, extract={"source": "folder", "folder": folder}))


def test_freezing_twice_writes_the_same_bytes_with_one_unit_a_line(workspace: Workspace, source: Path) -> None:
    cohort = freeze(workspace, select(workspace))
    text = workspace.cohort_lock.read_text()
    assert freeze(again(workspace), select(again(workspace))) == cohort == read_cohort(workspace.cohort_lock)
    assert workspace.cohort_lock.read_text() == text
    assert sum('"unit"' in line for line in text.splitlines()) == 3
    assert json.loads(text)["key_id"] == workspace.pseudonymiser.key_id


def test_a_window_adds_to_the_cohort_and_a_whole_look_replaces_it(workspace: Workspace, source: Path) -> None:
    early = freeze(workspace, select(workspace, end=date(2020, 1, 3)))
    assert early.expected == 2
    both = freeze(workspace, select(workspace, start=date(2020, 1, 4)))
    assert both.expected == 4
    (source / "1-2").unlink()
    assert freeze(workspace, select(workspace, modalities=["MR"])).expected == 4, "the CT was not looked at"
    assert freeze(workspace, select(workspace, end=date(2020, 1, 3))).expected == 3, "and here it was"
    shutil.rmtree(source)
    put(source, 5)
    assert freeze(workspace, select(workspace)).expected == 1


def test_a_unit_of_which_nothing_can_be_taken_any_more_leaves_the_cohort(workspace: Workspace, source: Path) -> None:
    freeze(workspace, select(workspace))
    (source / "2-1 again").write_bytes(
        make_dicom(
            "1.2.3.1.2.1",
            SeriesInstanceUID="1.2.3.1.2",
            Modality="MR",
            StudyDate="20200105",
            StudyInstanceUID="1.2.3.2",
            PatientID="P2",
        )
    )
    narrowed = freeze(workspace, select(workspace, start=date(2020, 1, 4)))
    assert [item.reason for item in narrowed.refused] == [Reason.UID_COLLISION, Reason.UID_COLLISION]
    assert sorted(unit.expected for unit in narrowed.units) == [1, 2]


def test_a_refused_item_that_can_be_taken_now_is_counted_once(workspace: Workspace, source: Path) -> None:
    content = (source / "2-1").read_bytes()
    (source / "2-1").write_bytes(b"")
    assert len(freeze(workspace, select(workspace)).refused) == 1
    (source / "2-1").write_bytes(content)
    cohort = freeze(workspace, select(workspace, start=date(2020, 1, 4)))
    assert cohort.refused == ()
    assert cohort.expected == 4


def test_units_left_unfinished_can_be_looked_at_besides_the_window(workspace: Workspace, source: Path) -> None:
    old = next(unit.unit for unit in select(workspace).cohort.units if unit.expected == 2)
    narrowed = select(workspace, start=date(2020, 1, 4), also=[old])
    assert old in narrowed.handles
    assert len(narrowed.handles) == 3
    assert old not in select(workspace, start=date(2020, 1, 4)).handles


def test_other_criteria_start_the_cohort_afresh(workspace: Workspace, source: Path) -> None:
    freeze(workspace, select(workspace))
    changed = with_params(workspace, extract={"modalities": ["MR"]})
    assert freeze(changed, select(changed, start=date(2020, 1, 4))).expected == 1


def test_another_key_is_refused_and_the_lock_stays(workspace: Workspace, source: Path) -> None:
    freeze(workspace, select(workspace))
    before = workspace.cohort_lock.read_bytes()
    workspace.key_file.unlink()
    new_key(workspace.key_file)
    with pytest.raises(ConfigurationError, match="another key"):
        freeze(again(workspace), select(again(workspace)))
    assert workspace.cohort_lock.read_bytes() == before


def test_a_series_that_is_arriving_again_stays_as_it_was(workspace: Workspace) -> None:
    key_id = "k"
    units = [
        Unit(unit=name, patient="p", study="s", modality="CT", expected=1, bytes=1, fingerprint="f") for name in "ab"
    ]
    both = Cohort(key_id=key_id, criteria="c", units=tuple(units), refused=(Item.refused("i", Reason.EMPTY_FILE),))
    freeze(workspace, Selection(both, {"a": (), "b": ()}))
    only = Cohort(key_id=key_id, criteria="c", units=(units[0],))
    assert freeze(workspace, Selection(only, {"a": ()}, unstable_units=frozenset("b"))).units == both.units
    assert freeze(workspace, Selection(only, {"a": ()})).units == only.units


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"units": 3}'])
def test_a_damaged_lock_is_told(workspace: Workspace, text: str) -> None:
    workspace.cohort_lock.write_text(text)
    with pytest.raises(ConfigurationError, match="git"):
        read_cohort(workspace.cohort_lock)


def test_tables_are_fingerprinted_copied_privately_and_missed_plainly(workspace: Workspace, source: Path) -> None:
    (workspace.root / "labels.csv").write_text("AccessionNumber,lesion\nA1,1\n")
    changed = with_params(workspace, extract={"labels_csv": "labels.csv"})
    selection = select(changed)
    copies = fetch_tables(changed, selection)
    assert copies["labels"] == changed.quarantine / "tables" / "labels.csv"
    assert copies["labels"].read_text() == "AccessionNumber,lesion\nA1,1\n"
    assert copies["labels"].stat().st_mode & 0o777 == 0o600
    (workspace.root / "labels.csv").write_text("AccessionNumber,lesion\nA1,0\n")
    assert select(changed).cohort.tables != selection.cohort.tables
    with pytest.raises(ConfigurationError, match="changed during the run"):
        fetch_tables(changed, selection)
    (workspace.root / "labels.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"labels_csv.*no file"):
        select(changed)


def test_the_stage_tells_its_counts(workspace: Workspace, source: Path) -> None:
    (source / "x").write_text("hello")
    assert extract(workspace) == "3 series with 4 items; refused: not-dicom 1; still arriving: 0"
    assert workspace.cohort_lock.exists()

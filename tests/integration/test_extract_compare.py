"""Looking at the source again: what came late, was deleted, was replaced, is contested or short of the PACS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows import change_feed
from flows.at_source import AtSource, Pictured
from flows.cli import app
from flows.standing import standing_of
from tasks.core.cohort import read_cohort
from tasks.core.models import Cohort, Item, State, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.freeze import freeze
from tasks.extract.pacs.book import Book, Entry
from tasks.extract.select import Selection, select
from tasks.record.ledger import Ledger
from tasks.record.sightings import Seen, forget_changed, read_sightings
from tests.support.dicom import make_dicom
from tests.support.places import with_params


def put(folder: Path, series: int, instance: int, **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{series}-{instance}-{more.get('PatientID', '')}"
    attributes = {"SeriesInstanceUID": f"1.2.3.{series}", "StudyInstanceUID": f"1.2.{series}", **more}
    path.write_bytes(make_dicom(f"1.2.3.{series}.{instance}", **attributes))
    return path


@pytest.fixture
def source(workspace: Workspace, tmp_path: Path) -> Path:
    """A folder with two series of two instances each."""
    folder = tmp_path / "source"
    for series in (1, 2):
        put(folder, series, 1)
        put(folder, series, 2)
    with_params(workspace, extract={"source": "folder", "folder": str(folder)})
    return folder


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    with Ledger.open(workspace) as opened:
        yield opened


def again(workspace: Workspace) -> Workspace:
    return Workspace(workspace.root)


def look(workspace: Workspace, ledger: Ledger) -> Cohort:
    """One run's look at the whole source."""
    return looked(workspace, ledger)[0]


def looked(workspace: Workspace, ledger: Ledger) -> tuple[Cohort, Selection]:
    place = again(workspace)
    selection = select(place)
    cohort = freeze(place, selection, ledger)
    ledger.register(cohort)
    for unit in cohort.units:
        handles = selection.handles.get(unit.unit)
        assert handles is None or len(handles) == unit.expected or unit.unit in taken_of(ledger)
    return cohort, selection


def taken_of(ledger: Ledger) -> set[str]:
    return {name for name, sighting in read_sightings(ledger.database).items() if sighting.gone}


def take(ledger: Ledger, cohort: Cohort) -> None:
    """Do the work of a run on every series."""
    for unit in cohort.units:
        names = [f"{unit.unit}.{number}" for number in range(unit.expected)]
        items = tuple(Item(item=name, state=State.DEIDENTIFIED, sop=f"sop-{name}") for name in names)
        ledger.record(unit, "deidentify", "k", UnitResult(unit=unit.unit, items=items, digest="d"))


def counts(workspace: Workspace, ledger: Ledger) -> AtSource:
    return Pictured(again(workspace), ledger).counts()


def reasons(cohort: Cohort) -> list[str]:
    return sorted(item.reason.code for item in cohort.refused if item.reason)


def test_a_late_instance_opens_its_series_again_and_is_counted(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    first = look(workspace, ledger)
    take(ledger, first)
    put(source, 1, 3)
    second = look(workspace, ledger)
    assert second.expected == 5
    assert sorted(ledger.states(second.units).values()) == [State.DEIDENTIFIED, State.DISCOVERED]
    assert counts(workspace, ledger).late == (1, 1)
    assert look(workspace, ledger) == second
    assert counts(workspace, ledger).late == (1, 1)


def test_what_is_deleted_after_it_was_taken_stays_and_is_told(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    first = look(workspace, ledger)
    take(ledger, first)
    for path in (*source.glob("1-*"), source / "2-2-"):
        path.unlink()
    text = workspace.cohort_lock.read_text()
    assert look(workspace, ledger) == first
    assert workspace.cohort_lock.read_text() == text
    assert counts(workspace, ledger).deleted_kept == (2, 3)
    assert counts(workspace, ledger).deleted_lost == (0, 0)
    put(source, 1, 1)
    put(source, 1, 2)
    put(source, 2, 2)
    assert look(workspace, ledger) == first, "it came back"
    assert counts(workspace, ledger).deleted_kept == (0, 0)


def test_what_is_deleted_leaves_the_cohort_where_the_setting_says_so(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    take(ledger, look(workspace, ledger))
    with_params(workspace, extract={"deleted": "drop"})
    for path in (*source.glob("1-*"), source / "2-2-"):
        path.unlink()
    cohort = look(workspace, ledger)
    assert (cohort.expected, cohort.refused) == (1, ())
    assert counts(workspace, ledger).deleted_lost == (2, 3)


def test_what_is_deleted_before_it_was_taken_has_its_reason_until_it_comes_back(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    first = look(workspace, ledger)
    for path in source.glob("1-*"):
        path.unlink()
    for _ in range(2):
        cohort = look(workspace, ledger)
        assert (cohort.expected, reasons(cohort)) == (4, ["deleted-at-source"] * 2)
        assert counts(workspace, ledger).deleted_lost == (1, 2)
    put(source, 1, 1)
    put(source, 1, 2)
    assert look(workspace, ledger).units == first.units
    assert read_cohort(workspace).refused == ()


def test_other_bytes_under_a_uid_that_was_taken_are_refused_until_somebody_decides(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    take(ledger, look(workspace, ledger))
    put(source, 1, 2, StudyDescription="a longer description than before")
    for _ in range(2):
        cohort, selection = looked(workspace, ledger)
        assert (cohort.expected, reasons(cohort)) == (4, ["uid-collision"])
        assert sorted(len(handles) for handles in selection.handles.values()) == [1, 2]
        assert counts(workspace, ledger).changed == (1, 1)
    assert forget_changed(ledger.database) == 1
    cohort = look(workspace, ledger)
    assert (cohort.expected, cohort.refused) == (4, ())
    assert counts(workspace, ledger).changed == (0, 0)


def test_a_crash_between_the_lock_and_the_ledger_is_made_up_for_by_the_next_look(
    workspace: Workspace, source: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(ledger, look(workspace, ledger))
    put(source, 1, 3)
    put(source, 2, 2, StudyDescription="a longer description than before")
    with monkeypatch.context() as patch:
        patch.setattr("tasks.extract.freeze.note_sightings", _killed)
        with pytest.raises(KeyboardInterrupt):
            look(workspace, ledger)
    lock = workspace.cohort_lock.read_text()
    cohort = look(workspace, ledger)
    assert workspace.cohort_lock.read_text() == lock
    assert (cohort.expected, reasons(cohort)) == (5, ["uid-collision"])


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_study_under_two_patients_is_taken_for_neither(workspace: Workspace, source: Path, ledger: Ledger) -> None:
    first = look(workspace, ledger)
    take(ledger, first)
    put(source, 1, 9, PatientID="P2", SeriesInstanceUID="1.2.3.1.9")
    cohort = look(workspace, ledger)
    assert reasons(cohort) == ["patient-collision"] * 3
    assert len(cohort.units) == 1
    assert cohort.expected == 5


def test_a_series_of_which_the_pacs_has_more_waits_unless_the_setting_releases_it(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    unit = look(workspace, ledger).units[0].unit
    with Book.of(workspace) as book:
        book.write([Entry("x", unit, "CT", said=3, expected=3, arrived=2, reason="not-sent")])
    cohort = look(workspace, ledger)
    assert reasons(cohort) == ["short-of-pacs"] * 2
    assert read_sightings(ledger.database)[unit].state is Seen.SHORT
    standing = standing_of(again(workspace), ledger)
    assert standing.source.short_of_pacs == (1, 1)
    [stuck] = [row for row in standing.stuck if row.what == "short of the PACS"]
    assert (stuck.command, stuck.instances) == ("sluice pull", 1)
    assert "held back" in stuck.why
    with_params(workspace, extract={"incomplete": "release"})
    assert look(workspace, ledger).refused == ()
    assert counts(workspace, ledger).short_of_pacs == (1, 1)
    with_params(workspace, extract={"incomplete": "hold"})
    for series in (1, 2):
        put(source, series, 3)
    assert look(workspace, ledger).refused == ()
    assert counts(workspace, ledger).short_of_pacs == (0, 0), "it came by another way"


def test_the_change_feed_is_left_for_a_full_look_when_one_is_due(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    unit = look(workspace, ledger).units[0].unit
    ledger.set_cursor(change_feed.CHANGES, 7)
    assert change_feed.read_from(again(workspace), ledger) is None, "there was no full look"
    selection = select(again(workspace))
    change_feed.remember(again(workspace), ledger, selection)
    assert change_feed.read_from(again(workspace), ledger) == 7
    with Book.of(workspace) as book:
        book.write([Entry("x", unit, "CT", said=3, expected=3, arrived=2, reason="not-sent")])
    assert change_feed.read_from(again(workspace), ledger) is None, "the PACS said something new"
    assert change_feed.read_from(with_params(workspace, extract={"full_every_hours": 0}), ledger) is None
    other = with_params(workspace, extract={"full_every_hours": 24, "incomplete": "release"})
    assert change_feed.read_from(other, ledger) is None, "a new rule judges everything"
    change_feed.remember(other, ledger, selection)
    assert change_feed.read_from(other, ledger) == 7
    change_feed.list_everything(other, ledger)
    assert change_feed.read_from(other, ledger) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_says_what_moves_it(reason: Reason) -> None:
    from flows.remedies import JUDGED_BY_EVERY_LOOK, command_of

    command = command_of(reason)
    if reason in JUDGED_BY_EVERY_LOOK:
        assert command is None or "retry" not in command
    elif command:
        assert f"sluice retry {reason.code}" in command


def test_retry_takes_what_replaced_it_leaves_what_is_gone_and_says_where_it_is_of_no_use(
    workspace: Workspace, source: Path, ledger: Ledger
) -> None:
    take(ledger, look(workspace, ledger))
    put(source, 1, 2, StudyDescription="a longer description than before")
    look(workspace, ledger)

    def retry(code: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["retry", code, "--workspace", str(workspace.root)])
        return done.exit_code, " ".join(done.output.split())

    assert retry("uid-collision") == (0, "1 series are open again; `sluice run` works on them")
    assert look(workspace, ledger).refused == ()
    code, said = retry("short-of-pacs")
    assert code != 0
    assert "sluice pull" in said
    code, said = retry("short-of-pac")
    assert code != 0
    assert "did you mean short-of-pacs?" in said
    assert retry("decode-failed") == (0, "0 series are open again: nothing is refused as decode-failed")

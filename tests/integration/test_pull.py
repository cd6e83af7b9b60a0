"""Pulling from a PACS: two real Orthancs, one as the hospital's; what it said it has is here in the end, or is told."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy import make_url

from flows.services.orthanc import connect, upload
from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.workspace import VARIABLE, Workspace
from tasks.extract.pacs import expected_by_pacs, shortfalls
from tasks.extract.pacs.transfer import Outcome, compare, search_pacs, transfer
from tasks.extract.pacs.wanted import Wanted
from tasks.extract.select import select
from tasks.record.opt_outs import add_people
from tasks.simulate.model import AnswerKey, Kind
from tests.support.leaks import Needles, search
from tests.support.pacs import NAME, Pair, lose_a_file, two_orthancs
from tests.support.places import ROOT, with_params
from tests.support.runs import sluice

pytestmark = pytest.mark.orthanc

SINCE = date(2000, 1, 1)
QUICK = {"backoff_seconds": 0.1, "moves": 6}
NO_COUNTS = """function IncomingFindRequestFilter(query, origin)
  local rest = {}
  for tag, value in pairs(query) do
    if tag ~= '0020,1209' then rest[tag] = value end
  end
  return rest
end
"""


@pytest.fixture(scope="module")
def shared_pair(tmp_path_factory: pytest.TempPathFactory, small_hospital: Path) -> Iterator[Pair]:
    """A PACS with the small hospital in it, which refuses a search with more than 12 answers."""
    with two_orthancs(tmp_path_factory.mktemp("pacs"), LimitFindResults=12) as pair:
        upload(pair.theirs, small_hospital / "dicom")
        yield pair


@pytest.fixture
def pair(shared_pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """The shared pair, ours empty and named in the environment. The PACS is not to be changed."""
    shared_pair.clear_ours()
    return named(shared_pair, monkeypatch)


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    return with_params(workspace, pull=QUICK)


def named(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Pair:
    for variable, value in pair.ours.environment.items():
        monkeypatch.setenv(variable, value)
    return pair


def pull(place: Workspace, **wanted: Any) -> Outcome:
    asked = Wanted.of(wanted.get("start", SINCE), wanted.get("end"), wanted.get("modalities"), wanted.get("cohort"))
    return transfer(place, NAME, search_pacs(place, NAME, asked))


def inventory(service: Any, level: str = "instances") -> list[dict[str, Any]]:
    with connect(service) as client:
        found: list[dict[str, Any]] = client.get(f"/{level}", params={"expand": ""}).json()
        return found


def uids(service: Any) -> set[str]:
    return {instance["MainDicomTags"]["SOPInstanceUID"] for instance in inventory(service)}


def jobs(pair: Pair) -> set[str]:
    with connect(pair.ours) as client:
        return set(client.get("/jobs").json())


def test_everything_of_a_window_comes_once_and_is_expected_by_the_cohorts_pseudonyms(
    pair: Pair, place: Workspace
) -> None:
    first = pull(place)
    assert (first.there, first.missing, first.partial) == (0, 0, False)
    assert uids(pair.ours) == uids(pair.theirs)
    assert first.arrived == first.expected == len(uids(pair.theirs))

    before = jobs(pair)
    second = pull(place)
    assert (second.there, second.arrived, second.partial) == (first.expected, 0, False)
    assert jobs(pair) == before  # nothing was asked for again

    time.sleep(1.5)  # series are stable after a second
    cohort = select(place).cohort
    refused = len(cohort.refused)
    assert {unit.unit for unit in cohort.units} <= set(expected_by_pacs(place))
    assert sum(expected_by_pacs(place).values()) == cohort.expected + refused
    assert shortfalls(place) == ()


def test_window_and_modality_take_no_more_than_they_say(pair: Pair, place: Workspace) -> None:
    days = sorted({study["MainDicomTags"]["StudyDate"] for study in inventory(pair.theirs, "studies")})
    day = datetime.strptime(days[len(days) // 2], "%Y%m%d").date()
    pull(place, start=day - timedelta(days=60), end=day, modalities=["CT", "MR"])
    first, last = f"{day - timedelta(days=60):%Y%m%d}", f"{day:%Y%m%d}"
    studies = {study["ID"]: study["MainDicomTags"]["StudyDate"] for study in inventory(pair.theirs, "studies")}
    meant = {
        series["MainDicomTags"]["SeriesInstanceUID"]
        for series in inventory(pair.theirs, "series")
        if first <= studies[series["ParentStudy"]] <= last and series["MainDicomTags"]["Modality"] in ("CT", "MR")
    }
    assert meant
    assert {series["MainDicomTags"]["SeriesInstanceUID"] for series in inventory(pair.ours, "series")} == meant


def test_cohort_csv_pulls_by_each_kind_of_id_and_tells_what_found_nothing(
    pair: Pair, place: Workspace, tmp_path: Path
) -> None:
    studies = sorted(inventory(pair.theirs, "studies"), key=lambda study: study["ID"])
    chosen = studies[0]["MainDicomTags"]["StudyInstanceUID"], studies[5]["MainDicomTags"]["AccessionNumber"]
    patient = studies[-1]["PatientMainDicomTags"]["PatientID"]
    csv = tmp_path / "cohort.csv"
    csv.write_text(
        "StudyInstanceUID;AccessionNumber;PatientID\n"
        f"{chosen[0]};;\n;{chosen[1]};\n;;{patient}\n;NOSUCHNUMBER;\n;;*\n;1,2E+5;\n",
        encoding="utf-8-sig",
    )
    wanted = Wanted.of(None, None, None, csv)
    assert wanted.bad_rows == (
        "2 rows of cohort.csv cannot be asked for (a number that a spreadsheet rounded 1, a wildcard or backslash 1): "
        "correct rows 6, 7"
    )
    outcome = transfer(place, NAME, search_pacs(place, NAME, wanted))
    meant = {
        study["MainDicomTags"]["StudyInstanceUID"]
        for study in studies
        if study["MainDicomTags"]["StudyInstanceUID"] == chosen[0]
        or study["MainDicomTags"]["AccessionNumber"] == chosen[1]
        or study["PatientMainDicomTags"]["PatientID"] == patient
    }
    assert {study["MainDicomTags"]["StudyInstanceUID"] for study in inventory(pair.ours, "studies")} == meant
    assert outcome.unmatched == 1
    assert "1 rows of the cohort found nothing" in outcome.in_words()


def test_a_silent_limit_of_answers_is_found_by_halving(pair: Pair, place: Workspace) -> None:
    assert len(inventory(pair.theirs, "studies")) > 12  # so that the PACS of this module refuses the whole window
    listing = search_pacs(place, NAME, Wanted.of(SINCE, None, None, None))
    assert listing.studies == len(inventory(pair.theirs, "studies"))
    told = with_params(place, pull={"answer_limit": 2})  # as if it cut off after two, without a word
    assert search_pacs(told, NAME, Wanted.of(SINCE, None, ["CT"], None)).studies > 2


def test_only_the_instance_that_is_missing_is_asked_for_again(pair: Pair, place: Workspace) -> None:
    pull(place, modalities=["CT"])
    complete = uids(pair.ours)
    with connect(pair.ours) as client:
        largest = max(client.get("/series", params={"expand": ""}).json(), key=lambda one: len(one["Instances"]))
        client.delete(f"/instances/{largest['Instances'][0]}").raise_for_status()
        kept = client.get(f"/instances/{largest['Instances'][1]}/metadata/ReceptionDate").text
    time.sleep(1.1)  # the date of reception counts seconds
    outcome = pull(place, modalities=["CT"])
    assert (outcome.there, outcome.arrived) == (len(complete) - 1, 1)
    assert uids(pair.ours) == complete
    with connect(pair.ours) as client:
        assert client.get(f"/instances/{largest['Instances'][1]}/metadata/ReceptionDate").text == kept


def test_orthanc_keeps_no_query(pair: Pair, place: Workspace) -> None:
    pull(place, modalities=["MR"])
    with connect(pair.ours) as client:
        assert client.get("/queries").json() == []


def test_outside_the_hours_nothing_is_asked_for_and_the_next_pull_goes_on(
    pair: Pair, place: Workspace, prefect: None
) -> None:
    begin, end = datetime.now() + timedelta(hours=2), datetime.now() + timedelta(hours=3)
    hours = f"{begin:%H:%M}-{end:%H:%M}"
    closed = with_params(place, pull={"hours": hours, "outside_hours": "stop"})
    done = command(closed, "--start", "2000-01-01", "--modalities", "CT")
    assert done.exit_code == 6, done.output
    assert f"Unfinished: {len(of_modality(pair.theirs, 'CT'))} instances" in done.output
    assert f"the hours {hours} are over; the same pull goes on within the next" in done.output
    assert uids(pair.ours) == set()
    assert {entry.reason for entry in shortfalls(place)} == {"not-asked"}
    assert not pull(with_params(place, pull={"hours": ""}), modalities=["CT"]).waiting
    assert shortfalls(place) == ()


def test_the_pace_is_kept(pair: Pair, place: Workspace) -> None:
    listing = search_pacs(place, NAME, Wanted.of(SINCE, None, ["CR"], None))
    expected = compare(place, NAME, listing).expected
    per_minute = 60
    slow = with_params(place, pull={"instances_per_minute": per_minute})
    began = time.monotonic()
    outcome = transfer(slow, NAME, listing)
    largest = max(series.count or 0 for series in listing.series)
    assert outcome.arrived == expected > largest
    assert time.monotonic() - began >= (expected - largest) * 60 / per_minute


def test_unknown_names_are_told_with_the_nearest(pair: Pair, place: Workspace) -> None:
    wanted = Wanted.of(SINCE, None, None, None)
    with pytest.raises(ConfigurationError, match="did you mean hospital"):
        search_pacs(place, "hopsital", wanted)


def test_what_the_pacs_cannot_send_is_never_counted_a_success(
    tmp_path: Path,
    small_hospital: Path,
    place: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    prefect: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The PACS has lost a file of a series, and gives no counts: the rest arrives, the one is told, and comes later."""
    script = tmp_path / "no_counts.lua"
    script.write_text(NO_COUNTS)
    with two_orthancs(tmp_path / "pair", LuaScripts=[str(script)], MaximumStorageCacheSize=0) as pair:
        named(pair, monkeypatch)
        upload(pair.theirs, small_hospital / "dicom")
        lost, place_of_it, away = lose_a_file(tmp_path / "pair" / "theirs" / "storage", tmp_path / "lost")
        listing = search_pacs(place, NAME, Wanted.of(SINCE, None, ["CT"], None))
        assert {series.count for series in listing.series} == {None}

        csv = place.root / "cohort.csv"
        csv.write_text("PatientID\n" + "\n".join(patients(pair.theirs)) + "\n*\n")
        done = command(place, "--start", "2000-01-01", "--modalities", "CT", "--cohort", str(csv), "--verbose")
        csv.unlink()
        assert done.exit_code == 5, done.output
        assert "1 rows of cohort.csv cannot be asked for" in done.output
        nobody_is_named(small_hospital, place, done.output + caplog.text)
        assert "1 are missing (" in done.output
        meant = of_modality(pair.theirs, "CT")
        assert meant - of_modality(pair.ours, "CT") == {lost}
        short = shortfalls(place)
        assert [(entry.missing, entry.asks) for entry in short] == [(1, 3)]

        away.rename(place_of_it)
        done = command(place, "--start", "2000-01-01", "--modalities", "CT")
        assert done.exit_code == 0, done.output
        assert f"{len(meant) - 1} were here, 1 came" in done.output
        assert shortfalls(place) == ()


def test_killed_pacs_is_told_and_the_next_pull_asks_for_the_rest_only(
    tmp_path: Path, small_hospital: Path, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_orthancs(tmp_path / "pair") as pair:
        named(pair, monkeypatch)
        upload(pair.theirs, small_hospital / "dicom")
        everything = uids(pair.theirs)
        listing = search_pacs(place, NAME, Wanted.of(SINCE, None, None, None))
        failures: list[BaseException] = []

        def work() -> None:
            try:
                transfer(place, NAME, listing)
            except TransientSourceError as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        wait_until(lambda: len(uids(pair.ours)) > 20)
        pair.kill_pacs()
        thread.join(60)
        assert "the PACS stopped answering" in str(failures[0])
        assert "asked for again" in str(failures[0])
        arrived = uids(pair.ours)
        assert 0 < len(arrived) < len(everything)
        assert sum(entry.missing for entry in shortfalls(place)) >= len(everything) - len(arrived) > 0
        with pytest.raises(TransientSourceError, match="does not answer a search"):
            pull(place)

        pair.start_pacs()
        outcome = pull(place)
        assert uids(pair.ours) == everything
        assert (outcome.there, outcome.arrived) == (len(arrived), len(everything) - len(arrived))
        assert shortfalls(place) == ()


def test_pacs_that_does_not_know_us_is_told_before_all_is_tried(
    tmp_path: Path, small_hospital: Path, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    anybody = {f"DicomAlwaysAllow{what}": True for what in ("Echo", "Find", "Move")}
    with two_orthancs(tmp_path / "pair", DicomModalities={}, DicomCheckModalityHost=False, **anybody) as pair:
        named(pair, monkeypatch)
        upload(pair.theirs, small_hospital / "dicom")
        with pytest.raises(ConfigurationError, match="the PACS refuses every C-MOVE: have this Orthanc's AE title"):
            pull(place)
        assert uids(pair.ours) == set()
        assert {entry.missing == entry.expected for entry in shortfalls(place)} == {True}


def test_pacs_that_comes_back_is_waited_for(
    tmp_path: Path, small_hospital: Path, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = with_params(place, pull={"backoff_seconds": 2, "attempts": 4})
    with two_orthancs(tmp_path / "pair") as pair:
        named(pair, monkeypatch)
        upload(pair.theirs, small_hospital / "dicom")
        listing = search_pacs(patient, NAME, Wanted.of(SINCE, None, ["CT"], None))
        with ThreadPoolExecutor(1) as pool:
            pulling = pool.submit(transfer, patient, NAME, listing)
            wait_until(lambda: len(uids(pair.ours)) > 20)
            pair.kill_pacs()
            pair.start_pacs()
            outcome = pulling.result(60)
        assert outcome.arrived == outcome.expected
        assert of_modality(pair.ours, "CT") == of_modality(pair.theirs, "CT")


def test_killed_pull_goes_on_where_it_stopped(pair: Pair, place: Workspace) -> None:
    """SIGKILL of our own process: jobs that it left in Orthanc are waited for, and nothing comes twice."""
    script = (
        "import datetime; from tasks.core.workspace import Workspace; from tasks.extract.pacs.transfer import *;"
        "from tasks.extract.pacs.wanted import Wanted; place = Workspace.find();"
        "wanted = Wanted.of(datetime.date(2000, 1, 1), None, None, None);"
        f"transfer(place, '{NAME}', search_pacs(place, '{NAME}', wanted))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, VARIABLE: str(place.root)}, start_new_session=True
    )
    wait_until(lambda: len(uids(pair.ours)) > 20)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    left = shortfalls(place)
    assert left
    outcome = pull(place)
    assert uids(pair.ours) == uids(pair.theirs)
    assert outcome.there + outcome.arrived == outcome.expected
    assert outcome.there > 20
    assert shortfalls(place) == ()


def patients(service: Any) -> list[str]:
    return sorted({study["PatientMainDicomTags"]["PatientID"] for study in inventory(service, "studies")})


def nobody_is_named(hospital: Path, place: Workspace, said: str) -> None:
    """Neither in what was said and logged, nor in the workspace, nor in Prefect's database."""
    needles = Needles(item for item in AnswerKey.read(hospital).planted if item.kind not in (Kind.DATE, Kind.DEVICE))
    assert list(needles.find(said.encode())) == []
    leaks, searched = search(place.root, needles)
    assert leaks == []
    assert searched
    database = Path(make_url(PREFECT_API_DATABASE_CONNECTION_URL.value()).database or "")
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    assert "move what is missing" in dump
    assert "pull-progress" in dump
    assert list(needles.find(dump.encode())) == []


def of_modality(service: Any, modality: str) -> set[str]:
    members = {
        instance
        for series in inventory(service, "series")
        if series["MainDicomTags"]["Modality"] == modality
        for instance in series["Instances"]
    }
    return {one["MainDicomTags"]["SOPInstanceUID"] for one in inventory(service) if one["ID"] in members}


@dataclass(frozen=True)
class Done:
    """What a command that ended said."""

    exit_code: int
    output: str


def command(place: Workspace, *arguments: str) -> Done:
    """`sluice pull` in a process of its own."""
    code, out, err = sluice("pull", "--from", NAME, "-w", str(place.root), *arguments)
    return Done(code, out + err)


def wait_until(ready: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_who_is_on_either_list_is_never_asked_of_the_pacs(pair: Pair, place: Workspace) -> None:
    """Two on the hospital's list, one of them by a study's AccessionNumber, one who withdrew; all others come whole."""
    with connect(pair.theirs) as client:
        patients = {one["MainDicomTags"].get("PatientID", ""): one for one in client.get("/patients?expand").json()}
        numbers = {
            study["PatientMainDicomTags"].get("PatientID", ""): study["MainDicomTags"].get("AccessionNumber", "")
            for study in client.get("/studies?expand").json()
        }
    by_number = max(name for name in patients if numbers[name])
    listed, withdrew = sorted(name for name in patients if name not in ("", by_number))[:2]
    (place.root / "opt-outs.csv").write_text(f"PatientID,AccessionNumber\n{listed},\n,{numbers[by_number]}\n")
    place = with_params(place, extract={"opt_out_csv": "opt-outs.csv"})
    add_people(place, {place.pseudonymiser.patient(withdrew)})
    outcome = pull(place)
    assert outcome.missing == 0
    with connect(pair.ours) as client:
        here = {one["MainDicomTags"].get("PatientID", ""): one for one in client.get("/patients?expand").json()}
        asked = " ".join(str(job) for job in client.get("/jobs?expand").json())
    assert set(here) == set(patients) - {listed, withdrew, by_number}
    with connect(pair.theirs) as client:
        series = {
            name: [
                one["MainDicomTags"]["SeriesInstanceUID"]
                for one in client.get(f"/patients/{patients[name]['ID']}/series?expand").json()
            ]
            for name in (listed, withdrew, by_number, min(here))
        }
        studies = {name: client.get(f"/patients/{patients[name]['ID']}/studies?expand").json() for name in series}
    uids = {
        name: [*series[name], *(one["MainDicomTags"]["StudyInstanceUID"] for one in studies[name])] for name in series
    }
    assert any(uid in asked for uid in uids[min(here)]), "the jobs tell what was asked for"
    assert not [uid for name in (listed, withdrew, by_number) for uid in uids[name] if uid in asked]

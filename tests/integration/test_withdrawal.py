"""A patient leaves: after --confirm no byte names them, the others' bytes are the same, and no run takes them again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from flows.params_file import set_params
from tasks.core.cohort import read_cohort
from tasks.core.errors import ContractViolation
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import releases
from tasks.record.withdrawals import incomplete, read_withdrawals, refuse_incomplete
from tests.support.runs import build, copy_of, dvc, sluice, train, tree

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Before:
    """What the patient was known by, in each of these places, before they withdrew."""

    workspace: Workspace
    remote: Path
    patient: str
    names: frozenset[bytes]
    contents: dict[str, bytes]
    others: dict[str, str]
    expected: int
    theirs: int
    site: Path


@pytest.fixture(scope="module")
def before(released: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Before:
    """Two releases, a model trained on the second, and a DVC remote that holds both; nobody withdrew yet."""
    place = tmp_path_factory.mktemp("withdrawal")
    workspace = copy_of(released, place / "study")
    remote = place / "remote"
    remote.mkdir()
    dvc(workspace.root, "remote", "add", "--default", "far", str(remote))
    dvc(workspace.root, "push", "--quiet")
    set_params(workspace, {"transform.size": 48, "train.log_predictions": True})
    workspace = Workspace(workspace.root)
    assert build(workspace).is_completed()
    dvc(workspace.root, "push", "--quiet")
    mlflow = f"sqlite:///{workspace.services / 'mlflow.db'}"
    state = train(workspace, MLFLOW_TRACKING_URI=mlflow)
    assert state.is_completed(), state.message

    instances = pd.read_parquet(workspace.dataset / "instances.parquet")
    patient = sorted(instances.loc[instances["modality"] == "CT", "patient"].unique())[0]
    theirs = instances[instances["patient"] == patient]
    cohort = read_cohort(workspace)
    units = [unit for unit in cohort.units if unit.patient == patient]
    with sqlite3.connect(workspace.register) as register:
        marks = ",".join("?" * len(units))
        rows = register.execute(f"SELECT item, sop FROM item WHERE unit IN ({marks})", [unit.unit for unit in units])
        items = {name for row in rows for name in row if name}
    # What the tools might have kept of predictions: a table among the artifacts of the run, and a tag of it.
    with sqlite3.connect(workspace.services / "mlflow.db") as store:
        run = store.execute("SELECT run_uuid, artifact_uri FROM runs").fetchone()
        store.execute("INSERT INTO tags VALUES ('worst', ?, ?)", (f"wrong on {patient}", run[0]))
    artifacts = Path(run[1].removeprefix("file://"))
    theirs[["patient", "series"]].to_parquet(artifacts / "predictions.parquet")
    names = {patient, *items, *(name for unit in units for name in (unit.unit, unit.study))}
    names |= set(theirs["instance"]) | set(theirs["series"])
    named = [path for path in _files(workspace.data) if patient in str(path)]
    assert named
    others = {
        name: digest
        for zone in ("deidentified", "images")
        for name, digest in tree(workspace.data / zone).items()
        if patient not in name and name.endswith((".zip", ".png"))
    }
    return Before(
        workspace=workspace,
        remote=remote,
        patient=patient,
        names=frozenset(name.encode() for name in names),
        contents={str(path): path.read_bytes() for path in named if path.suffix in (".zip", ".png")},
        others=others,
        expected=cohort.expected,
        theirs=sum(unit.expected for unit in units),
        site=Path(_dvc_site(workspace)),
    )


def _dvc_site(workspace: Workspace) -> str:
    program = "from dvc.repo import Repo; print(Repo('.').site_cache_dir)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=workspace.root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def dry(before: Before) -> str:
    kept = tree(before.workspace.data / "dataset") | tree(before.remote)
    code, out, err = sluice("withdraw", "--pseudonym", before.patient, "-w", str(before.workspace.root))
    assert code == 0, err
    assert tree(before.workspace.data / "dataset") | tree(before.remote) == kept
    return out


@pytest.fixture(scope="module")
def after(before: Before, dry: str) -> str:
    code, out, err = sluice(
        *("withdraw", "--pseudonym", before.patient, "--confirm", "--asked-by", "study office"),
        *("-w", str(before.workspace.root)),
    )
    assert code == 0, out + err
    return out


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _searched(before: Before) -> Iterator[tuple[str, bytes]]:
    """Every byte of workspace, remote and DVC's memory; tables, archives and git's objects unpacked."""
    for root in (before.workspace.root, before.remote, before.site):
        for path in _files(root):
            content = path.read_bytes()
            yield str(path), str(path.relative_to(root)).encode() + b"\n" + content
            if content.startswith(b"PAR1"):
                yield str(path), pd.read_parquet(path).to_csv().encode()
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"],
        cwd=before.workspace.root, capture_output=True, check=True,
    )  # fmt: skip
    yield "git", listed.stdout


def test_the_dry_run_names_releases_and_models_and_changes_nothing(before: Before, dry: str) -> None:
    assert "release        release/heart/v1" in dry
    assert "release        release/heart/v2" in dry
    assert "model          sluice-baseline v1" in dry
    assert "nothing was changed" in dry
    assert {name for name, content in _searched(before) for found in before.names if found in content}


def test_no_byte_of_the_patient_is_found_anywhere(before: Before, after: str) -> None:
    left = {(place, name.decode()) for place, content in _searched(before) for name in before.names if name in content}
    assert left == set()
    assert before.contents
    held = {path.read_bytes() for root in (before.workspace.root, before.remote) for path in _files(root)}
    others = {content for name, content in before.contents.items() if content in held}
    assert others == set()
    assert "nothing of them is found any more" in after


def test_releases_are_marked_and_the_record_says_how_much_and_never_who(before: Before, after: str) -> None:
    record = read_withdrawals(before.workspace)[0]
    assert (record.people, record.asked_by) == (1, "study office")
    assert set(record.releases) == {"release/heart/v1", "release/heart/v2"}
    assert record.models == ("sluice-baseline/1",)
    assert record.series == len({name for name in before.names if name.startswith(b"u")})
    assert set(incomplete(before.workspace)) == set(record.releases)
    with pytest.raises(ContractViolation, match=r"release/heart/v2 is incomplete: \d+ instances"):
        refuse_incomplete(before.workspace, "release/heart/v2")
    with sqlite3.connect(before.workspace.register) as register:
        marked = register.execute("SELECT DISTINCT release FROM withdrawal ORDER BY release").fetchall()
    assert [row[0] for row in marked] == sorted(record.releases)
    with Ledger.open(before.workspace) as ledger:
        commits = {release.tag: release.commit for release in releases(ledger)}
    for tag, commit in commits.items():
        done = subprocess.run(
            ["git", "rev-list", "-1", tag], cwd=before.workspace.root, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == commit


def test_the_next_run_takes_everybody_else_and_the_books_balance(before: Before, after: str) -> None:
    """One of eight is more than a tenth; that they are missed stops no release."""
    state = build(before.workspace)
    assert state.is_completed(), state.message
    assert "release/heart/v3" in (state.message or "")
    cohort = read_cohort(before.workspace)
    assert cohort.withdrawn >= before.theirs
    assert cohort.expected == before.expected
    with Ledger.open(before.workspace) as ledger:
        tally = ledger.tally(cohort)
    assert tally.balances
    assert tally.withdrawn == cohort.withdrawn
    now = tree(before.workspace.deidentified) | tree(before.workspace.images)
    assert {name: now[name] for name in before.others} == before.others
    assert {name for _, content in _searched(before) for name in before.names if name in content} == set()
    assert incomplete(before.workspace).keys() == {"release/heart/v1", "release/heart/v2"}


def test_a_row_of_the_hospitals_list_keeps_a_patient_out_from_the_start(fresh: Workspace, small_hospital: Path) -> None:
    labels = pd.read_csv(small_hospital / "ehr.csv", dtype=str)
    column = next(name for name in labels.columns if name.lower().replace("_", "") == "patientid")
    patient_id = labels[column].dropna().iloc[0]
    listing = fresh.root / "opt-outs.csv"
    listing.write_text(f"PatientID\n{patient_id}\n")
    set_params(fresh, {"extract.opt_out_csv": "opt-outs.csv", "record.openlineage": "events.jsonl"})
    fresh = Workspace(fresh.root)
    patient = fresh.pseudonymiser.patient(patient_id)
    state = build(fresh)
    assert state.is_completed(), state.message
    cohort = read_cohort(fresh)
    assert patient not in {unit.patient for unit in cohort.units}
    assert cohort.withdrawn > 0
    found = [path for path in _files(fresh.data) if patient.encode() in path.read_bytes() or patient in str(path)]
    assert found == []
    records = pd.read_parquet(fresh.deidentified / "records" / "ehr.parquet")
    assert patient not in set(records["patient"])
    events = [json.loads(line) for line in (fresh.root / "events.jsonl").read_text().splitlines()]
    ended = {event["job"]["name"]: event["eventType"] for event in events}
    assert {ended[f"heart.{stage}"] for stage in ("freeze", "transform", "curate", "export", "record")} == {"COMPLETE"}
    assert events[-1]["outputs"][0]["facets"]["version"]["datasetVersion"] == "release/heart/v1"
    named = {unit.patient for unit in cohort.units} | {unit.unit for unit in cohort.units}
    assert not [name for name in named if name in (fresh.root / "events.jsonl").read_text()]

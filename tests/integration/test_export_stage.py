"""A release: whole, true to its tables, the same each time, and refused where it would be wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import pandas as pd
import pytest

from tasks.core.cohort import read_cohort
from tasks.core.errors import ContractViolation
from tasks.core.files import sha256, write_table
from tasks.core.reasons import Reason
from tasks.core.verdicts import curated_digest
from tasks.core.workspace import Workspace
from tasks.export.sheet import COLUMNS, ROWS, choose
from tasks.export.stage import ExportSummary, export
from tasks.record.ledger import Ledger
from tests.support.fake_stages import PROFILE, enter, fill_workspace, judge, relabel
from tests.support.places import make_workspace, with_params

PATIENTS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ExportSummary]:
    workspace = make_workspace(tmp_path_factory.mktemp("export") / "workspace")
    fill_workspace(workspace, PATIENTS)
    return workspace, export(workspace)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make_workspace(tmp_path_factory.mktemp("template") / "workspace")
    fill_workspace(workspace, PATIENTS)
    return workspace


@pytest.fixture
def filled(template: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(template.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def numbers(folder: Path) -> dict[str, int]:
    """The inode of each file: DVC knows a file by it and need not hash it again."""
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_images_objects_and_tables_lie_where_the_layout_says(made: tuple[Workspace, ExportSummary]) -> None:
    dataset = made[1].path
    files = set(tree(dataset))
    assert "images/CT/p1_s1_u1_0003.png" in files
    assert "objects/RTSTRUCT/p0_s0_u0_0001.dcm" in files
    for table in ("patients", "studies", "series", "instances", "labels", "splits", *METADATA):
        assert {f"{table}.parquet", f"{table}.csv"} <= files
    assert {"README.md", "croissant.json", "checksums.sha256", "release.json", "contact-sheet.png"} <= files


METADATA = ("metadata/patient", "metadata/image", "metadata/machine")


def test_each_path_in_the_table_is_a_file_and_each_file_is_in_the_table(made: tuple[Workspace, ExportSummary]) -> None:
    dataset = made[1].path
    instances = pd.read_parquet(dataset / "instances.parquet")
    told = {*instances["image_path"].dropna(), *instances["object_path"].dropna()}
    assert told == {name for name in tree(dataset) if name.startswith(("images/", "objects/"))}
    assert (dataset / "objects/RTSTRUCT/p0_s0_u0_0001.dcm").read_bytes() == b"DICM 2.25.5"


def test_sha256sum_finds_every_file_as_it_was(made: tuple[Workspace, ExportSummary]) -> None:
    dataset = made[1].path
    done = subprocess.run(["sha256sum", "--check", "--strict", "checksums.sha256"], cwd=dataset, capture_output=True)
    assert done.returncode == 0
    listed = {line.split("  ", 1)[1] for line in (dataset / "checksums.sha256").read_text().splitlines()}
    assert listed == set(tree(dataset)) - {"checksums.sha256"}


def test_the_same_inputs_give_the_same_bytes_and_no_trace_of_the_run(
    made: tuple[Workspace, ExportSummary], tmp_path: Path
) -> None:
    again = make_workspace(tmp_path / "elsewhere")
    fill_workspace(again, PATIENTS)
    second = export(again)
    assert tree(second.path) == tree(made[1].path)
    assert second.content == made[1].content
    words = [path.read_text(encoding="utf-8") for path in second.path.iterdir() if path.suffix in (".md", ".json")]
    assert not any(str(tmp_path) in text or os.uname().nodename in text for text in words)


def test_exporting_again_replaces_the_release_by_the_same(filled: Workspace) -> None:
    first = export(filled)
    (first.path / "stray.txt").write_text("left by hand")
    before = {name: digest for name, digest in tree(first.path).items() if name != "stray.txt"}
    assert tree(export(filled).path) == before


def test_the_manifest_says_what_became_of_each_instance(made: tuple[Workspace, ExportSummary]) -> None:
    manifest = json.loads((made[1].path / "release.json").read_text())
    assert manifest["outcomes"]["expected"] == PATIENTS * 5 + 1 + 1
    assert manifest["outcomes"]["released"] == PATIENTS * 3 + 1
    assert manifest["outcomes"]["reasons"] == {"burned-in-risk": PATIENTS, "duplicate-pixels": PATIENTS, "not-dicom": 1}
    assert manifest["counts"] == {"patients": 4, "studies": 4, "series": 4, "images": 12, "objects": 1}
    assert manifest["content"] == made[1].content
    assert manifest["key_id"] == "k" * 16
    assert manifest["profile"] == PROFILE


def test_the_content_digest_follows_the_content_and_not_the_code(
    made: tuple[Workspace, ExportSummary], filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.export.manifest.version", lambda _: "99.0")
    same = export(filled)
    assert same.content == made[1].content
    relabel(filled, "second reader")
    judge(filled)
    assert export(filled).content != same.content


def test_the_card_tells_counts_reasons_columns_and_shows_the_sheet(made: tuple[Workspace, ExportSummary]) -> None:
    card = (made[1].path / "README.md").read_text(encoding="utf-8")
    assert "| CT | 4 | 4 | 4 | 12 | 0 |" in card
    assert "22 selected = 13 released + 4 quarantined + 5 skipped + 0 withdrawn." in card
    assert Reason.BURNED_IN_RISK.sentence in card
    assert "![Middle slices of some of its series](contact-sheet.png)" in card
    assert "by Table E.1-1 (2026c), profile `research`" in card
    assert "Options applied: retain-modified-dates. Overrides of the site: BodyPartExamined: X." in card
    columns = set(pd.read_parquet(made[1].path / "instances.parquet").columns)
    assert columns <= set(re.findall(r"^\| `(\w+)` \|", card, re.MULTILINE))


def test_what_the_card_shows_for_loading_runs(
    made: tuple[Workspace, ExportSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    card = (made[1].path / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(made[1].path)
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], names)  # type: ignore[index]
    assert len(names["train"]) == 13  # type: ignore[arg-type]
    assert names["first"].size == (64, 64)  # type: ignore[attr-defined]


def test_the_contact_sheet_lets_modalities_take_turns() -> None:
    rows = [
        {
            "modality": modality,
            "unit": f"{modality}{unit:03d}",
            "slice_index": place,
            "frame": 1,
            "image_path": f"{unit}.{place}",
        }
        for modality, count in (("CT", 100), ("US", 2))
        for unit in range(count)
        for place in range(3)
    ]
    chosen = choose(pd.DataFrame(rows))
    assert len(chosen) == COLUMNS * ROWS
    assert [modality for modality, _ in chosen].count("US") == 2
    assert all(path.endswith(".1") for _, path in chosen)


def test_the_contact_sheet_is_a_picture_of_all_series(made: tuple[Workspace, ExportSummary]) -> None:
    sheet = cv2.imread(str(made[1].path / "contact-sheet.png"), cv2.IMREAD_UNCHANGED)
    assert sheet.ndim == 2
    assert sheet.std() > 10


def test_a_release_stays_as_it_is_when_the_images_are_made_anew(made: tuple[Workspace, ExportSummary]) -> None:
    workspace, summary = made
    name = "CT/p1_s1_u1_0001.png"
    before = (summary.path / "images" / name).read_bytes()
    replacement = workspace.images / f"{name}.new"
    replacement.write_bytes(before)
    replacement.replace(workspace.images / name)
    assert (summary.path / "images" / name).read_bytes() == before


def test_blocking_gates_stop_the_release_and_leave_the_last_one(filled: Workspace) -> None:
    before = tree(export(filled).path)
    place = filled.gates / "verdicts.json"
    place.write_text(place.read_text().replace("true", "false"))
    with pytest.raises(ContractViolation, match=r"gates block this release: instances/unique .*stays as it was"):
        export(filled)
    assert tree(filled.dataset) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gates/verdicts.json", None, "run `python -m tasks.validate` first"),
        ("gates/verdicts.json", "{", "is damaged"),
        ("gates/verdicts.json", '{"rules": []}', "holds no verdict"),
        ("deidentified/profile.json", None, "run `python -m tasks.deidentify` first"),
        ("deidentified/profile.json", "{", "is damaged"),
        ("deidentified/profile.json", "{}", "is damaged"),
    ],
)
def test_without_verdicts_or_profile_nothing_is_released(
    filled: Workspace, name: str, content: str | None, said: str
) -> None:
    place = filled.data / name
    place.unlink()
    if content is not None:
        place.write_text(content)
    with pytest.raises(ContractViolation, match=said):
        export(filled)
    assert not filled.dataset.exists()


def test_verdicts_about_other_tables_are_refused(filled: Workspace) -> None:
    place = filled.gates / "verdicts.json"
    verdicts = json.loads(place.read_text())
    assert verdicts["curated"] == curated_digest(filled.curated)
    before = tree(export(filled).path)
    refused = {
        "changed after the gates looked": {**verdicts, "curated": "0" * 64},
        "does not say which tables": {"rules": verdicts["rules"]},
        "is damaged": {**verdicts, "curated": 7},
    }
    for said, content in refused.items():
        place.write_text(json.dumps(content))
        with pytest.raises(ContractViolation, match=said):
            export(filled)
    assert tree(filled.dataset) == before


def test_tables_curated_anew_are_not_released_on_old_verdicts(filled: Workspace) -> None:
    before = tree(export(filled).path)
    relabel(filled, "second reader")
    with pytest.raises(ContractViolation, match="changed after the gates looked at it: run"):
        export(filled)
    assert tree(filled.dataset) == before
    judge(filled)
    assert tree(export(filled).path) != before


def test_an_instance_without_outcome_stops_the_release_and_names_its_series(filled: Workspace) -> None:
    instances = pd.read_parquet(filled.curated / "instances.parquet", dtype_backend="numpy_nullable")
    write_table(instances[instances["instance"] != "2.25.2002"], filled.curated / "instances.parquet")
    judge(filled)
    with pytest.raises(
        ContractViolation, match=r"books do not balance: 22 .*, 21 have an outcome; look at series u2, and"
    ):
        export(filled)
    assert not filled.dataset.exists()


def test_a_fresh_ledger_does_not_vouch_for_a_release(filled: Workspace) -> None:
    for place in filled.register.parent.iterdir():
        place.unlink()
    with pytest.raises(ContractViolation, match="refused or never saw"):
        export(filled)


def test_a_changed_or_missing_image_stops_the_release(filled: Workspace) -> None:
    image = filled.images / "CT/p1_s1_u1_0002.png"
    image.write_bytes(image.read_bytes() + b"x")
    with pytest.raises(ContractViolation, match="changed after it was made"):
        export(filled)
    image.unlink()
    with pytest.raises(ContractViolation, match="is missing"):
        export(filled)
    assert not filled.dataset.exists()


def test_an_export_takes_over_the_files_that_stay_and_writes_the_others(filled: Workspace) -> None:
    export(filled)
    before, inodes = tree(filled.dataset), numbers(filled.dataset)
    image = filled.images / "CT/p1_s1_u1_0002.png"
    image.write_bytes(image.read_bytes())  # the same bytes at another time, as a checkout leaves them
    (filled.dataset / "images/CT/p1_s1_u1_0003.png").write_bytes(b"altered in the release")
    export(filled)
    assert tree(filled.dataset) == before
    other = {name for name, number in numbers(filled.dataset).items() if number != inodes[name]}
    assert other == {"images/CT/p1_s1_u1_0003.png"}
    assert {path.stat().st_nlink for path in filled.images.rglob("*.png")} == {1}


def test_an_image_that_changed_stops_the_release_though_the_last_one_has_it(filled: Workspace) -> None:
    export(filled)
    image = filled.images / "CT/p1_s1_u1_0002.png"
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(content)
    with pytest.raises(ContractViolation, match="changed after it was made"):
        export(filled)
    image.unlink()
    with pytest.raises(ContractViolation, match="is missing"):
        export(filled)


def test_a_path_that_leaves_its_folder_is_refused(filled: Workspace) -> None:
    instances = pd.read_parquet(filled.curated / "instances.parquet", dtype_backend="numpy_nullable")
    instances.loc[0, "image_path"] = "../../vault/key"
    write_table(instances, filled.curated / "instances.parquet")
    judge(filled)
    with pytest.raises(ContractViolation, match="leaves its folder"):
        export(filled)


def test_an_empty_cohort_makes_no_release(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "workspace")
    cohort = fill_workspace(workspace, 2)
    instances = pd.read_parquet(workspace.curated / "instances.parquet", dtype_backend="numpy_nullable")
    write_table(instances[:0], workspace.curated / "instances.parquet")
    judge(workspace)
    assert cohort.units
    with pytest.raises(ContractViolation, match="nothing to release"):
        export(workspace)


def test_names_and_licence_come_from_the_parameters(filled: Workspace) -> None:
    named = with_params(filled, export={"name": "heart", "title": "Hearts | all", "license": "CC0-1.0"})
    summary = export(named)
    assert summary.path.name == "heart"
    card = (summary.path / "README.md").read_text(encoding="utf-8")
    assert card.split("---\n")[2].startswith("# Hearts \\| all\n")
    assert "Licence: CC0-1.0." in card


def test_exporting_enters_the_outcome_of_each_instance(filled: Workspace) -> None:
    export(filled)
    with Ledger.open(filled) as ledger:
        assert ledger.tally(read_cohort(filled)).balances
        enter(ledger, read_cohort(filled))
        assert not ledger.tally(read_cohort(filled)).balances

"""The stage with the real Great Expectations: the merely unusual does not block, and no failing value is written."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tasks.core.errors import ConfigurationError
from tasks.core.models import Verdicts
from tasks.core.verdicts import curated_digest
from tasks.core.workspace import Workspace
from tasks.curate.stage import curate
from tasks.validate.stage import validate
from tests.support.books import write_judged
from tests.support.defects import PLANTED
from tests.support.places import ROOT, make_workspace
from tests.support.tables import (
    digest,
    make_cohort,
    make_image,
    make_labels,
    make_object,
    make_series,
    pseudonym,
)


def unusual(name: str) -> dict[str, Any]:
    """What is odd and yet legitimate, as arguments of `write_judged`."""
    rows = make_cohort(6)
    if name == "no labels":
        return {"instances": rows}
    if name == "one patient, one image":
        return {"instances": rows[:1]}
    if name == "objects only":
        return {"instances": [make_object(0, [])]}
    if name == "nothing optional in the header":
        bare = dict.fromkeys(
            (
                "pixel_spacing_row_mm", "pixel_spacing_column_mm", "png_spacing_row_mm", "png_spacing_column_mm",
                "slice_thickness_mm", "position_mm", "orientation", "window_center", "window_width", "window_source",
                "intensity_unit", "photometric", "bits_stored", "study_uid", "series",
            )
        )  # fmt: skip
        rows = [row | bare for row in rows]
        keys = ("unit", "patient", "study", "modality", "images", "objects")
        return {
            "instances": rows,
            "series": [
                {name: value if name in keys else None for name, value in row.items()} for row in make_series(rows)
            ],
        }
    if name == "odd machines":
        odd = {"modality": "ZZ", "pixel_spacing_row_mm": 99.0, "slice_thickness_mm": 900.0, "orientation": None}
        rows = [make_image(number, **odd) for number in range(3)]
        header = {"sex": "F", "age_years": 90.0, "kvp": 1e6, "field_strength_t": 15000.0, "height_m": 180.0}
        return {
            "instances": rows,
            "series": make_series(rows, study_date="2038-01-19", manufacturer="x" * 64, **header),
        }
    if name == "labels in conflict or unreadable":
        labels = pd.concat([make_labels({0: "1", 1: "perhaps"}), make_labels({0: "0"})])
        return {"instances": rows, "labels": labels}
    if name == "one class only":
        return {"instances": rows, "labels": make_labels(dict.fromkeys(range(6), 1))}
    if name == "every image the same":
        same = {"content_sha256": digest("same"), "perceptual_hash": digest("same look")}
        return {"instances": [row | same for row in rows]}
    if name == "every second image black":
        black = {"content_sha256": digest("black"), "intensity_min": -1024.0, "intensity_max": -1024.0, "mean": 0.0}
        return {"instances": [row | black if row["slice_index"] == 1 else row for row in rows]}
    if name == "many frames":
        instance = make_image(0)
        frames = [
            instance | {"frame": frame, "content_sha256": digest(frame), "slice_index": frame,
                        "position_mm": 5.0 * frame,
                        "image_path": instance["image_path"].replace("0001", f"{frame:05d}")}
            for frame in range(1, 31)
        ]  # fmt: skip
        return {"instances": frames}
    assert name == "records of strangers"
    ehr = pd.DataFrame({"patient": [pseudonym("p", "stranger")], "age": [50], "icd10": ["I25.1"]})
    return {"instances": rows, "ehr": ehr, "labels": make_labels({99: 1})}


@pytest.mark.parametrize(
    "name",
    [
        "no labels",
        "one patient, one image",
        "objects only",
        "nothing optional in the header",
        "odd machines",
        "labels in conflict or unreadable",
        "one class only",
        "every image the same",
        "every second image black",
        "many frames",
        "records of strangers",
    ],
)
def test_what_is_merely_unusual_does_not_block(workspace: Workspace, name: str) -> None:
    write_judged(workspace, **unusual(name))
    curate(workspace)
    verdicts = validate(workspace)
    assert [f"{verdict.suite}/{verdict.rule}" for verdict in verdicts.blocking] == []
    assert not [verdict for verdict in verdicts.rules if "could not be computed" in verdict.sentence]


def test_good_tables_pass_every_rule_and_twice_give_the_same_bytes(workspace: Workspace) -> None:
    rows = [*make_cohort(24, slices=2, modalities=("CT", "MR")), make_object(0, [make_image(0, 1)["instance"]])]
    write_judged(workspace, rows, labels=make_labels({number: number % 2 for number in range(24)}))
    curate(workspace)
    verdicts = validate(workspace)
    assert [verdict.rule for verdict in verdicts.rules if not verdict.passed] == ["groups-are-of-k-patients"]
    written = (workspace.gates / "verdicts.json").read_bytes(), (workspace.docs / "index.html").read_bytes()
    assert Verdicts.model_validate_json(written[0]) == verdicts
    assert verdicts.curated == curated_digest(workspace.curated)
    validate(workspace)
    assert ((workspace.gates / "verdicts.json").read_bytes(), (workspace.docs / "index.html").read_bytes()) == written


def test_a_refused_release_has_docs_and_verdicts_without_a_failing_value(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    write_judged(workspace, make_cohort(3), labels=make_labels({0: 1}))
    curate(workspace)
    table = workspace.curated / "patients.parquet"
    frame = pd.read_parquet(table)
    frame["sex"] = PLANTED
    frame["age_years"] = PLANTED  # of the wrong type, so that the rule itself raises
    frame.to_parquet(table)
    caplog.set_level(logging.DEBUG)
    verdicts = validate(workspace)
    (age,) = (verdict for verdict in verdicts.blocking if verdict.rule == "age-is-capped")
    assert "could not be computed" in age.sentence
    assert "The release is refused" in (workspace.docs / "index.html").read_text()
    left = b"".join(path.read_bytes() for path in (*workspace.gates.rglob("*"), *workspace.docs.rglob("*")))
    assert PLANTED.encode() not in left
    assert PLANTED not in caplog.text


def test_a_rule_that_great_expectations_does_not_know_stops_before_anything_is_judged(tmp_path: Path) -> None:
    for change in ({"type": "expect_miracles"}, {"kwargs": {"colum": "sex"}}):
        workspace = make_workspace(tmp_path / next(iter(change)))
        suite = json.loads((workspace.expectations / "patients.json").read_text())
        rules = {rule["meta"]["rule"]: rule for rule in suite["expectations"]}
        rules["most-sexes-are-known"].update(change)
        (workspace.expectations / "patients.json").write_text(json.dumps(suite))
        write_judged(workspace, make_cohort(1))
        curate(workspace)
        with pytest.raises(ConfigurationError, match=r"patients\.json: rule most-sexes-are-known") as told:
            validate(workspace)
        assert "\n" not in str(told.value)
        assert not (workspace.gates / "verdicts.json").exists()


def test_the_command_tells_what_failed_and_exits_with_3(workspace: Workspace) -> None:
    def run() -> tuple[int, str, str, float]:
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "tasks.validate"],
            cwd=workspace.root,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(workspace.root), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr, time.monotonic() - began

    rows = make_cohort(25, slices=32)
    write_judged(workspace, rows, labels=make_labels({number: number % 2 for number in range(25)}))
    curate(workspace)
    code, out, err, seconds = run()
    assert (code, err) == (0, "")
    assert re.fullmatch(r"validate: 1\d\d rules, 0 failed, none of these critical\n", out)
    assert seconds < 30  # 6 measured on an idle machine; this only catches a gate that grew out of hand
    (workspace.images / rows[0]["image_path"]).unlink()
    code, out, err, _ = run()
    assert (code, out) == (3, "")
    assert "critical: instances/file-exists, 1 row: The file of each row is there. To do: run" in err
    assert "sluice: 1 critical rule refused the release (instances/file-exists)" in err
    assert not [path for path in workspace.root.iterdir() if path.name.startswith(".")]  # nothing kept in HOME

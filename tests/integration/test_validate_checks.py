"""The derived columns: what no single column shows. Without Great Expectations."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tasks.core.errors import ContractViolation
from tasks.core.models import Verdict, Verdicts
from tasks.core.workspace import Workspace
from tasks.curate.stage import curate
from tasks.validate.checks import HELPERS, with_checks
from tasks.validate.docs import write_docs
from tasks.validate.suites import read_suites
from tasks.validate.tables import Curated, load
from tests.support.books import write_judged
from tests.support.places import ROOT, make_workspace
from tests.support.tables import make_cohort, make_image, make_labels, make_object


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Curated:
    workspace = make_workspace(tmp_path_factory.mktemp("checks") / "workspace")
    rows = [*make_cohort(6), make_object(0, [make_image(0, 1)["instance"]])]
    write_judged(workspace, rows, labels=make_labels({number: number % 2 for number in range(6)}))
    curate(workspace)
    return load(workspace, "0" * 64)


def changed(curated: Curated, table: str, **columns: object) -> Curated:
    return replace(curated, frames={**curated.frames, table: curated.frames[table].assign(**columns)})


def derived(curated: Curated, table: str) -> pd.DataFrame:
    checked = with_checks(curated)[table]
    return checked[[name for name in checked.columns if name not in (*curated.frames[table].columns, *HELPERS)]]


def test_of_good_tables_everything_holds(curated: Curated) -> None:
    for table in curated.frames:
        held = derived(curated, table)
        assert set(held.dtypes) == {pd.Series([True]).dtype}
        assert held.to_numpy().all(), table


def test_tables_without_any_column_do_not_break_the_checks(curated: Curated) -> None:
    bare = replace(curated, frames={name: frame[[]] for name, frame in curated.frames.items()})
    checked = with_checks(bare)
    assert not checked["instances"]["file_exists"].any()
    assert not checked["splits"]["split_is_known"].any()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("GE MEDICAL SYSTEMS", True),
        ("Hologic, Inc. Selenia Dimensions 3D Digital Mammography System", True),
        ("x" * 101, False),
        ("The patient, Mrs Miller, came back on Tuesday and was told that nothing is wrong", False),
        ("first line\nsecond line", False),
    ],
)
def test_a_narrative_is_told_from_a_machines_name(curated: Curated, text: str, plain: bool) -> None:
    assert derived(changed(curated, "series", model=text), "series")["has_no_free_text"].all() == plain


@pytest.mark.parametrize("name", ["PatientName", "patient_id", "AccessionNumber", "birth_date", "MRN", "reader_name"])
def test_a_column_named_like_an_identifier_is_seen(curated: Curated, name: str) -> None:
    assert not derived(changed(curated, "patients", **{name: 1}), "patients")["columns_are_safe"].any()


def test_a_date_to_come_or_before_1900_is_not_plausible(curated: Curated) -> None:
    today = replace(curated, today=date(2015, 3, 14))
    assert derived(today, "studies")["date_is_plausible"].all()
    assert not derived(replace(curated, today=date(2015, 3, 13)), "studies")["date_is_plausible"].any()
    assert not derived(changed(curated, "studies", study_date="1899-12-31"), "studies")["date_is_plausible"].any()
    assert derived(changed(curated, "studies", study_date=None), "studies")["date_is_plausible"].all()


def test_shares_are_not_judged_on_a_handful_of_patients(curated: Curated) -> None:
    assert derived(changed(curated, "splits", split="train"), "splits")["share_is_near"].all()


def test_a_damaged_archive_holds_no_object(workspace: Workspace) -> None:
    row = make_object(0, [])
    write_judged(workspace, [row])
    curate(workspace)
    assert with_checks(load(workspace, "0" * 64))["instances"]["file_exists"].all()
    (workspace.deidentified / row["object_path"].partition("#")[0]).write_bytes(b"PK no zip")
    assert not with_checks(load(workspace, "0" * 64))["instances"]["file_exists"].any()


def test_without_curated_tables_there_is_nothing_to_validate(workspace: Workspace) -> None:
    with pytest.raises(ContractViolation, match=r"run `python -m tasks\.curate` first"):
        load(workspace, "0" * 64)


def test_the_docs_tell_rules_counts_and_fixes_and_ask_no_other_server(tmp_path: Path) -> None:
    suites = read_suites(ROOT / "expectations")
    rules = [
        Verdict(
            suite=suite.name,
            rule=rule.meta.rule,
            severity=rule.severity,
            passed=rule.meta.rule != "file-exists",
            rows=0 if rule.meta.rule != "file-exists" else 7,
            sentence=rule.meta.sentence + " <b>",
            fix=rule.meta.fix,
        )
        for suite in suites
        for rule in suite.expectations
    ]
    page = write_docs(tmp_path, Verdicts(rules=tuple(rules)), suites, dict.fromkeys((s.name for s in suites), 3))
    text = page.read_text()
    assert "The release is refused" in text
    assert "restore what is missing with `dvc checkout`" in text
    assert text.count("To do") == 1  # the label in the style sheet: fixes are told of what failed alone
    assert text.count('class="fix"') == 2  # at the top, where all that failed is, and in its suite
    assert text.index("instances/file-exists") < text.index('id="cohort"')
    assert "<b>" not in text
    assert not [word for word in ("http:", "https:", "//", "<script", "@import") if word in text]

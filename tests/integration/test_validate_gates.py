"""Every rule of the gates stops its seeded defect, judged by the real Great Expectations."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.core.models import Verdict
from tasks.curate.stage import curate
from tasks.validate.checks import with_checks
from tasks.validate.suites import OPTIONAL, TABLES, Suite, read_suites
from tasks.validate.tables import Curated, load
from tests.gates.seeded import SEEDED
from tests.support.books import write_judged
from tests.support.defects import PLANTED, seed_defects
from tests.support.places import ROOT, make_workspace
from tests.support.tables import make_cohort, make_image, make_labels, make_object

SUITES = {suite.name: suite for suite in read_suites(ROOT / "expectations")}
DEFECTS = seed_defects(SUITES[name] for name in TABLES)
SEEN_ELSEWHERE = {
    "instances/pet-is-not-negative",
    "patients/patient-is-in-cohort",
    "series/mr-field-of-view-is-in-millimetres",
    "series/pet-field-of-view-is-in-millimetres",
    "cohort/cohort-is-not-empty",
    "cohort/series-is-selected-once",
    "cohort/series-is-of-its-study",
    "release/counts-do-not-fall",
}
"""Twins of rules that have a defect of their own."""


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Curated:
    """24 patients of two modalities, labelled, with a structure set: nothing is wrong with it."""
    workspace = make_workspace(tmp_path_factory.mktemp("gates") / "workspace")
    rows = [*make_cohort(24, slices=2, modalities=("CT", "MR")), make_object(0, [make_image(0, 1)["instance"]])]
    write_judged(workspace, rows, labels=make_labels({number: number % 2 for number in range(24)}))
    curate(workspace)
    return load(workspace, "0" * 64)


def judge_one(curated: Curated, name: str) -> Verdict:
    """The verdict of the rule `suite/rule` alone."""
    from tasks.validate.gx import judge

    suite, _, rule = name.partition("/")
    only = tuple(each for each in SUITES[suite].expectations if each.meta.rule == rule)
    (verdict,) = judge(
        (Suite(name=suite, expectations=only, meta=SUITES[suite].meta),), with_checks(curated), ROOT / "expectations"
    )
    return verdict


def test_there_is_a_seeded_defect_for_every_rule() -> None:
    everything = {f"{suite.name}/{rule.meta.rule}" for suite in SUITES.values() for rule in suite.expectations}
    everything = {name for name in everything if name.split("/")[0] not in OPTIONAL}  # this ground has none
    of_one_kind = {
        name
        for name in everything
        if name.endswith(("-is-distributed-as-before", "/no-unknown-columns", "/types-are-kept"))
    }
    assert everything - of_one_kind <= {*DEFECTS, *(seeded.rule for seeded in SEEDED), *SEEN_ELSEWHERE}
    assert set(DEFECTS) <= everything
    assert all(any(seeded.rule.split("/")[1] == kind for seeded in SEEDED) for kind in ("no-unknown-columns",))


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_a_seeded_defect_is_stopped_by_its_rule(curated: Curated, name: str) -> None:
    plant, rows = DEFECTS[name]
    frames = dict(curated.frames)
    plant(frames)
    verdict = judge_one(replace(curated, frames=frames), name)
    assert not verdict.passed
    assert verdict.rows == rows
    assert PLANTED not in verdict.model_dump_json()

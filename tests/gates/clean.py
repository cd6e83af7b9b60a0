"""Variants of good tables that no gate may stop: other sizes, modalities, seeds, shares, and one study more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.models import Verdict
from tests.gates.ground import Ground, as_last, judge_all, made_up, of_hospital, of_rows
from tests.support.tables import make_cohort, make_image, make_labels

Made = Callable[[Path], Ground]


@dataclass(frozen=True)
class Clean:
    """A variant; `hospital` says that it is made through the stages, which takes half a minute."""

    what: str
    made: Made
    hospital: bool = False

    def verdicts(self, place: Path) -> list[Verdict]:
        """What all rules say of it."""
        ground = self.made(place)
        return judge_all(ground.curated, ground.k)


def cohort(patients: int, slices: int = 3, labels: bool = True, **changes: Any) -> Made:
    """So many patients of these modalities."""
    modalities = changes.pop("modalities", ("CT",))
    studies = changes.pop("studies", 1)

    def made(place: Path) -> Ground:
        rows = [row | changes for row in make_cohort(patients, slices, studies, modalities)]
        known = make_labels({number: number % 2 for number in range(patients)}) if labels else None
        return of_rows(place, rows, labels=known)

    return made


def one_study_more(place: Path) -> Ground:
    """The release after one without the last patient's second study."""
    before = made_up(place / "before")
    after = of_rows(
        place / "after",
        [*make_cohort(24, 6, modalities=("CT", "MR")), *(make_image(0, index, 1) for index in range(1, 7))],
        labels=make_labels({number: int(number % 3 == 0) for number in range(24)}),
    )
    return Ground(as_last(after.curated, before.curated), after.k)


def odd_but_right(place: Path) -> Ground:
    """A dozen patients whose machines leave out what they may: no window, thickness, position or orientation."""
    bare = dict.fromkeys(("slice_thickness_mm", "position_mm", "orientation", "window_center", "window_width"))
    return of_rows(place, [row | bare for row in make_cohort(12, 3)])


CLEAN = (
    Clean("24 patients, CT and MR, a structure set", made_up),
    Clean("60 patients, CT, MR, CR and US", cohort(60, 1, modalities=("CT", "MR", "CR", "US"))),
    Clean("CT only, 12 slices", cohort(10, 12)),
    Clean("MR only, 16 bits stored", cohort(10, 4, modalities=("MR",), bits_stored=16)),
    Clean("no labels", cohort(24, 2, labels=False)),
    Clean("one patient, one image", cohort(1, 1)),
    Clean("three studies a patient", cohort(12, 2, studies=3)),
    Clean("headers without what is optional", odd_but_right),
    Clean("one study more than in the last release", one_study_more),
    Clean("a hospital through the stages", lambda place: of_hospital(place, seed=0), hospital=True),
    Clean("another hospital, of ten patients", lambda place: of_hospital(place, seed=7, patients=10), hospital=True),
)
"""Every variant that `make gates` judges."""

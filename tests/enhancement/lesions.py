"""The CT and MR series of a synthetic hospital that show a lesion, each with the mask of where it was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks.core.settings import TransformSettings
from tasks.simulate.anatomy import grow_anatomy
from tasks.simulate.patients import admit
from tasks.simulate.phantoms import Canvas
from tasks.simulate.schedule import plan_studies
from tasks.simulate.volumes import lay_slices
from tasks.transform.enhance.cases import Case, find_cases
from tasks.transform.volumes.noted import VolumeRefused

LOBES = (0.06, 0.07, 0.04)
"""As `tasks.simulate.phantoms.draw_slice` roughens the lesion's edge."""


def lesion_cases(hospital: Path, seed: int, patients: int) -> Iterator[Case]:
    """A case for each series of the hospital that `simulate(hospital, seed=seed, patients=patients)` made.

    A series whose traps (a doubled slice, a zip) leave no volume of all slices in its folder is left out. The mask is
    where the lesion covers at least half of a pixel.
    """
    number = 0
    for study in plan_studies(admit(seed, patients), seed):
        patient = study.patient
        if not patient.lesion:
            continue
        body = np.random.default_rng([seed, 5, patient.index])
        anatomy = grow_anatomy(body, lesion=True, sex=patient.sex, bmi=patient.bmi)
        for series in study.series:
            if series.modality not in ("CT", "MR") or not (hospital / series.folder).is_dir():
                continue
            geometry = lay_slices(
                series, anatomy, np.random.default_rng([seed, 6, patient.index, study.number, series.number])
            )
            try:
                found = list(find_cases([hospital / series.folder], (), TransformSettings()))
            except VolumeRefused:
                continue
            mask = np.zeros((len(geometry.heights), geometry.size, geometry.size), bool)
            for index, height in enumerate(sorted(geometry.heights)):  # volumes ascend along z
                canvas = Canvas(geometry.size, geometry.field, 0.0)
                assert anatomy.lesion is not None
                canvas.paint(anatomy.lesion.cut(height), 1.0, lobes=LOBES)
                mask[index] = canvas.image >= 0.5
            if len(found) == 1 and found[0].pictures.shape == mask.shape and mask.any():
                number += 1
                yield replace(found[0], patient=patient.index, series=number, regions=((1, mask),))

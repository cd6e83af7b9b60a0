"""What is judged: a series and the SEG or RTSTRUCT that lies beside it become pictures and masks, without names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.core.settings import TransformSettings
from tasks.simulate.anatomy import grow_anatomy
from tasks.simulate.headers import series_header
from tasks.simulate.objects import heart_mask, make_segmentation, make_structure_set, object_series
from tasks.simulate.patients import admit
from tasks.simulate.schedule import plan_studies
from tasks.simulate.volumes import lay_slices, make_slices
from tasks.simulate.writing import finish, to_bytes
from tasks.transform.enhance.cases import find_cases
from tasks.transform.volumes.noted import VolumeRefused

SEED = 0


@pytest.mark.parametrize("kind", ["SEG", "RTSTRUCT"])
def test_regions_beside_a_series_are_found_and_lie_where_they_were_drawn(tmp_path: Path, kind: str) -> None:
    study = next(one for one in plan_studies(admit(SEED, 8), SEED) if one.modality == "CT")
    (series, *_) = study.series
    anatomy = grow_anatomy(np.random.default_rng([SEED, 5]), lesion=True, sex="F", bmi=24.0)
    random = np.random.default_rng([SEED, 6])
    geometry = lay_slices(series, anatomy, random)
    sources = []
    for ds in make_slices(series_header(study, series), study, series, anatomy, geometry, random, SEED):
        sources.append(ds)
        finish(ds, study, series.encoding)
        (tmp_path / f"{ds.InstanceNumber}.dcm").write_bytes(to_bytes(ds))
    make = make_segmentation if kind == "SEG" else make_structure_set
    drawn = object_series(study, series, kind, SEED)
    region = make(study, drawn, anatomy, geometry, sources, SEED)
    finish(region, study, drawn.encoding)
    (tmp_path / "region.dcm").write_bytes(to_bytes(region))

    (case,) = find_cases([tmp_path], (), TransformSettings())
    ((number, mask),) = case.regions
    expected = np.stack([heart_mask(anatomy, geometry, index) for index in np.argsort(geometry.heights)]).astype(bool)
    agreed = 2 * (mask & expected).sum() / (mask.sum() + expected.sum())
    assert agreed == 1.0 if kind == "SEG" else agreed > 0.97  # 40 points are no ellipse
    assert (case.patient, case.series, case.modality, number) == (1, 1, "CT", 1)
    assert case.pictures.shape == mask.shape
    assert case.pictures.min() >= 0.0
    assert case.pictures.max() <= 1.0
    assert case.spacing == pytest.approx((geometry.step, geometry.step), abs=1e-3)


def test_a_source_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    with pytest.raises(VolumeRefused):
        list(find_cases([tmp_path], (), TransformSettings()))

"""Nuclear medicine: reconstructions get their slices from vectors and detector, projections are named as such."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from tasks.transform.volumes import VolumeRefused, load_volumes
from tests.support.flawed import write_series
from tests.support.transform import item, make_image

NM = "1.2.840.10008.5.1.4.1.1.20"
AXIAL = [1, 0, 0, 0, 1, 0]


def study(kind: str = "RECON TOMO", frames: int = 4, **changes: Any) -> Dataset:
    """Frame k is filled with k + 1; the first slice lies at z = 40, slices 3 mm apart."""
    stored = np.stack([np.full((5, 6), index + 1, np.uint16) for index in range(frames)])
    values: dict[str, Any] = {
        "SOPClassUID": NM,
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", kind, "EMISSION"],
        "FrameOfReferenceUID": "2.25.300",
        "PixelSpacing": [2, 2],
        "SpacingBetweenSlices": 3,
        "SliceVector": list(range(1, frames + 1)),
        "NumberOfSlices": frames,
        "DetectorInformationSequence": [
            item(ImagePositionPatient=[-5, 10, 40], ImageOrientationPatient=AXIAL),
        ],
    } | changes
    return make_image(stored, **{name: value for name, value in values.items() if value is not None})


@pytest.mark.parametrize(("spacing", "first"), [(3, 40), (-3, 31)])
def test_the_sign_of_the_spacing_is_the_direction_of_stacking(spacing: float, first: float, tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, [study(SpacingBetweenSlices=spacing)]))
    assert volume.spacing == (3.0, 2.0, 2.0)
    assert volume.affine[:3, 3].tolist() == [-5, 10, first]
    assert volume.array[:, 0, 0].tolist() == ([1, 2, 3, 4] if spacing > 0 else [4, 3, 2, 1])


def test_frames_go_to_the_slice_that_their_vector_names(tmp_path: Path) -> None:
    (volume,) = load_volumes(write_series(tmp_path, [study(SliceVector=[3, 1, 4, 2])]))
    assert volume.array[:, 0, 0].tolist() == [2, 4, 1, 3]


def test_gated_reconstructions_are_a_volume_a_time_slot(tmp_path: Path) -> None:
    ds = study("RECON GATED TOMO", SliceVector=[1, 2, 1, 2], TimeSlotVector=[1, 1, 2, 2], NumberOfSlices=2)
    one, two = load_volumes(write_series(tmp_path, [ds]))
    assert (one.array[:, 0, 0].tolist(), two.array[:, 0, 0].tolist()) == ([1, 2], [3, 4])


@pytest.mark.parametrize("kind", ["TOMO", "GATED TOMO", "STATIC", "DYNAMIC", "WHOLE BODY"])
def test_projections_and_planar_images_are_no_volume_and_it_is_said(kind: str, tmp_path: Path) -> None:
    ds = study(kind, SliceVector=None, RotationVector=[1] * 4, DetectorVector=[1] * 4, AngularViewVector=[1, 2, 3, 4])
    with pytest.raises(VolumeRefused, match="projection"):
        load_volumes(write_series(tmp_path, [ds]))


@pytest.mark.parametrize(
    "changes",
    [
        {"SpacingBetweenSlices": None},
        {"SliceVector": [1, 2]},
        {"SliceVector": None, "NumberOfSlices": None},
        {"DetectorInformationSequence": None},
    ],
)
def test_a_reconstruction_without_its_geometry_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(VolumeRefused, match="missing-geometry"):
        load_volumes(write_series(tmp_path, [study(**changes)]))

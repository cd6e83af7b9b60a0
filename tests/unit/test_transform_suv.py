"""SUV by body weight: cases worked by hand from the definition, and that nothing is guessed.

370 MBq decay in an hour to 370 · 2^(-3600/6586.2) = 253.32 MBq, so 70 kg give 70000 g / 253.32 MBq = 2.7633e-4 g/Bq.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from tasks.core.settings import TransformSettings, VolumeSettings
from tasks.transform.volumes import VolumeRefused, load_volumes
from tasks.transform.volumes.suv import find_suv_factor
from tests.support import flawed
from tests.support.flawed import pet, write_series
from tests.support.transform import as_read

SUV = TransformSettings(volumes=VolumeSettings(suv=True))
AN_HOUR = 70000 / (370e6 * 2 ** (-3600 / 6586.2))


def factor(**changes: Any) -> float | None:
    return find_suv_factor(as_read(pet(**changes)[0]))


def test_the_dose_decays_from_injection_to_the_time_of_the_series() -> None:
    assert pytest.approx(2.7633e-4, rel=1e-4) == AN_HOUR
    assert factor() == pytest.approx(AN_HOUR)
    assert factor(RadiopharmaceuticalStartDateTime="20200102101500.000000") == pytest.approx(AN_HOUR)


def test_an_injection_before_midnight_is_of_the_day_before() -> None:
    late = {"SeriesTime": "003000", "AcquisitionTime": "003000", "RadiopharmaceuticalStartTime": "233000.00"}
    assert factor(**late) == pytest.approx(AN_HOUR)


def test_an_image_decayed_to_the_injection_takes_the_dose_as_it_was() -> None:
    assert factor(DecayCorrection="ADMIN") == pytest.approx(70000 / 370e6)


def test_the_reference_of_a_processed_series_is_worked_back_from_its_frames() -> None:
    """A frame of 120 s that began 600 s after the reference: its mean count rate is at 59.87 s, so 659.87 s after."""
    share = np.log(2) / 6586.2 * 120
    mean = np.log(share / (1 - np.exp(-share))) / (np.log(2) / 6586.2)
    assert 59 < mean < 60
    later = {
        "SeriesTime": "150000",
        "AcquisitionTime": "112500",
        "ActualFrameDuration": 120000,
        "FrameReferenceTime": 1000 * (600 + mean),
    }
    assert factor(**later) == pytest.approx(AN_HOUR, rel=1e-6)
    assert factor(**later | {"FrameReferenceTime": None}) is None


def test_ge_writes_the_time_of_the_scan_into_a_private_attribute() -> None:
    ds = pet(SeriesTime="150000")[0]
    ds.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20200102111500.00")
    assert find_suv_factor(as_read(ds)) == pytest.approx(AN_HOUR)


def test_philips_counts_have_a_private_factor() -> None:
    ds = pet(Units="CNTS")[0]
    assert find_suv_factor(as_read(ds)) is None
    block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x09, "DS", "2.0")
    assert find_suv_factor(as_read(ds)) == pytest.approx(2 * AN_HOUR)
    block.add_new(0x00, "DS", "0.00042")
    assert find_suv_factor(as_read(ds)) == 0.00042


@pytest.mark.parametrize(("kind", "expected"), [("BW", 1.0), (None, 1.0), ("LBM", None), ("BSA", None)])
def test_what_is_suv_already_stays(kind: str | None, expected: float | None) -> None:
    assert factor(Units="GML", SUVType=kind) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientWeight": None},
        {"PatientWeight": 0},
        {"RadionuclideTotalDose": None},
        {"RadionuclideTotalDose": 0},
        {"RadionuclideHalfLife": None},
        {"RadiopharmaceuticalStartTime": None},
        {"RadiopharmaceuticalStartDateTime": "20191231101500"},
        {"DecayCorrection": "NONE"},
        {"DecayCorrection": None},
        {"CorrectedImage": ["NORM", "DECAY"]},
        {"CorrectedImage": ["NORM", "ATTN"]},
        {"SeriesTime": None},
        {"AcquisitionTime": None},
        {"Units": "PROPCPS"},
        {"Units": None},
    ],
)
def test_what_the_header_does_not_give_is_not_guessed(changes: dict[str, Any]) -> None:
    assert factor(**changes) is None


def test_a_volume_is_suv_only_when_asked(tmp_path: Path) -> None:
    place = write_series(tmp_path, pet())
    (plain,) = load_volumes(place)
    (volume,) = load_volumes(place, SUV)
    assert (plain.unit, volume.unit) == ("BQML", "GML")
    stored = np.stack([flawed.pixels(index) for index in range(flawed.SLICES)])
    assert np.allclose(volume.array, stored * 2.5 * AN_HOUR, rtol=1e-6)


def test_without_a_weight_suv_is_refused_or_left_in_its_unit_when_asked(tmp_path: Path) -> None:
    place = write_series(tmp_path, pet(PatientWeight=None))
    with pytest.raises(VolumeRefused, match="no-suv"):
        load_volumes(place, SUV)
    lenient = VolumeSettings(suv=True, findings={"no-suv": "accept"})
    (volume,) = load_volumes(place, TransformSettings(volumes=lenient))
    assert volume.unit == "BQML"
    assert [note.finding.value for note in volume.findings] == ["no-suv"]


def test_the_standards_word_for_decay_correction_counts() -> None:
    """PS3.3 C.8.9.1.1.6 says DECY; some write DECAY."""
    assert factor(CorrectedImage=["DECY", "ATTN", "SCAT", "DTIM"]) == pytest.approx(AN_HOUR)


def test_a_later_bed_position_is_decayed_to_the_start_of_the_series() -> None:
    """As Siemens and GE write START: each bed has its acquisition time, all are decayed to the series' time."""
    assert factor(AcquisitionTime="114500") == pytest.approx(AN_HOUR)


@pytest.mark.shared
def test_a_scan_of_a_ge_in_the_corpus_is_as_worked_by_hand(shared_data: Path) -> None:
    """90 kg, 474,592,928 Bq at 09:32:00, series at 11:00:36: 5316 s later 271.28 MBq are left."""
    ds = dcmread(shared_data / "dicom" / "quirks_fodicom" / "GH184.dcm")
    assert pytest.approx(271.28e6, rel=1e-4) == 474592928 * 2 ** (-5316 / 6588)
    assert find_suv_factor(ds) == pytest.approx(90000 / 271.28e6, rel=1e-4)

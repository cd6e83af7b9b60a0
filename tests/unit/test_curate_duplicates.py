"""Exact duplicates: of one patient they may go, of two patients they bind the patients together."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tasks.core.columns import TRANSFORMED
from tasks.core.errors import ContractViolation
from tasks.curate.duplicates import find_duplicates, mark_shared, sharing_patients
from tasks.transform.tables import make_frame
from tests.support.tables import digest, make_image, make_object, patient_of, unit_of

SAME: dict[str, Any] = {"content_sha256": digest("the same pixels")}


def found(*rows: dict[str, Any]) -> list[str]:
    duplicates = find_duplicates(make_frame(rows, TRANSFORMED["instances"]))
    return [sop for sops in duplicates.values() for sop in sops]


def test_the_first_by_slice_index_stays_whatever_the_order_of_the_rows() -> None:
    rows = [make_image(1, index, **SAME) for index in (1, 2, 3)]
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert found(*rows) == sorted(row["instance"] for row in rows if row["slice_index"] > 1)


def test_it_is_named_by_its_unit_and_sop() -> None:
    first, second = make_image(1, 1, series=0, **SAME), make_image(1, 1, series=1, **SAME)
    keeper, other = sorted((first, second), key=lambda row: row["series"])
    assert find_duplicates(make_frame([first, second], TRANSFORMED["instances"])) == {
        other["unit"]: (other["instance"],)
    }
    assert keeper["unit"] != other["unit"]


@pytest.mark.parametrize(
    "change", [{"modality": "MR"}, {"rows": 128}, {"columns": 32}, {"content_sha256": digest("x")}]
)
def test_other_modality_size_or_pixels_is_no_duplicate(change: dict[str, Any]) -> None:
    assert found(make_image(1, 1, **SAME), make_image(1, 2, **(SAME | change))) == []


def test_another_patient_is_no_duplicate() -> None:
    assert found(make_image(1, **SAME), make_image(2, **SAME)) == []


def test_empty_slices_are_no_duplicates() -> None:
    empty = {**SAME, "intensity_min": 0.0, "intensity_max": 0.0}
    assert found(make_image(1, 1, **empty), make_image(1, 2, **empty)) == []


def cine(index: int, *pixels: str) -> list[dict[str, Any]]:
    instance = make_image(1, index)
    return [{**instance, "frame": place, "content_sha256": digest(name)} for place, name in enumerate(pixels, 1)]


def test_a_multi_frame_instance_is_a_duplicate_only_if_all_its_frames_are() -> None:
    assert found(*cine(1, "a", "b", "c"), *cine(2, "a", "b", "d")) == []
    assert found(*cine(1, "a", "b", "c"), *cine(2, "c", "a")) == [make_image(1, 2)["instance"]]


def test_frames_that_repeat_within_one_instance_do_not_make_it_a_duplicate() -> None:
    assert found(*cine(1, "still", "still", "still")) == []


def test_an_instance_that_a_segmentation_refers_to_stays() -> None:
    first, second = make_image(1, 1, **SAME), make_image(1, 2, **SAME)
    assert found(first, second, make_object(1, [second["instance"]])) == [first["instance"]]
    assert found(first, second, make_object(1, [first["instance"], second["instance"]])) == []


def test_a_series_that_a_structure_set_outlines_gets_no_holes() -> None:
    outlined = [make_image(1, index, series=1, content_sha256=digest(f"slice {index}")) for index in (1, 2)]
    copies = [make_image(1, index, series=0, content_sha256=digest(f"slice {index}")) for index in (1, 2)]
    twin = make_image(1, 3, series=1, content_sha256=digest("slice 1"))
    outline = make_object(1, [outlined[0]["series"]])
    expected = sorted(row["instance"] for row in (*copies, twin))
    assert sorted(found(*outlined, *copies, twin, outline)) == expected


def test_references_that_are_no_json_are_told_without_their_text() -> None:
    with pytest.raises(ContractViolation, match="references") as told:
        found(make_image(1), {**make_object(1, []), "references": "Miller^Jane"})
    assert "Miller" not in str(told.value)


def test_pixels_of_two_patients_are_marked_and_their_patients_bound_together() -> None:
    other = {"content_sha256": digest("another picture")}
    rows = [
        make_image(1, 1, **SAME),
        make_image(2, 1, **SAME),
        make_image(2, 2, **other),
        make_image(3, 1, **other),
        make_image(4, 1),
        make_image(4, 2),
    ]
    frame = make_frame(rows, TRANSFORMED["instances"])
    frame["shared_pixels"] = mark_shared(frame)
    assert frame["shared_pixels"].tolist() == [True, True, True, True, False, False]
    assert sharing_patients(frame) == (tuple(sorted(patient_of(number) for number in (1, 2, 3))),)


def test_empty_slices_bind_nobody() -> None:
    empty = {**SAME, "intensity_min": 3.0, "intensity_max": 3.0}
    frame = make_frame([make_image(1, **empty), make_image(2, **empty)], TRANSFORMED["instances"])
    assert not mark_shared(frame).any()
    assert unit_of(1) != unit_of(2)

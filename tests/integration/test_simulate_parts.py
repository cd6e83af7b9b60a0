"""The parts of the synthetic hospital: invented values, anatomy, phantoms, encodings."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.charset import encode_string, python_encoding
from pydicom.uid import UID, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from tasks.simulate.anatomy import Anatomy, grow_anatomy
from tasks.simulate.headers import series_header
from tasks.simulate.model import Kind, Planted
from tasks.simulate.names import Inventor
from tasks.simulate.patients import CHARSETS, admit, balanced_lesions
from tasks.simulate.phantoms import draw_slice
from tasks.simulate.private import csa_header
from tasks.simulate.schedule import plan_studies
from tasks.simulate.volumes import lay_slices, make_slices
from tasks.simulate.writing import finish, to_bytes


@given(seed=st.integers(0, 10_000), charset=st.sampled_from(sorted(set(CHARSETS))))
def test_a_name_can_be_written_in_its_character_set(seed: int, charset: str) -> None:
    name = Inventor(np.random.default_rng(seed)).name(charset)
    encoding = python_encoding["" if charset == "ISO_IR 6" else charset]
    for part in name.parts:
        assert encode_string(part, [encoding]).decode(encoding) == part
    assert all(part in name.pn or part.isascii() for part in name.parts)


def test_values_never_repeat_even_in_a_large_hospital() -> None:
    invent = Inventor(np.random.default_rng(0))
    families, given_names = [[make() for _ in range(700)] for make in (invent.family, invent.given)]
    assert len({*families, *given_names}) == 1400


@given(seed=st.integers(0, 1000), blocks=st.integers(1, 6))
def test_half_of_each_role_has_a_lesion(seed: int, blocks: int) -> None:
    lesions = balanced_lesions(np.random.default_rng(seed), 8 * blocks)
    for role in range(4):
        assert sum(lesions[role::4]) == blocks


def test_the_same_seed_plans_the_same_hospital_and_another_seed_another() -> None:
    first, again, other = (plan_studies(admit(seed, 9), seed) for seed in (5, 5, 6))
    assert first == again
    assert not {study.accession for study in first} & {study.accession for study in other}
    assert not {study.uid for study in first} & {study.uid for study in other}


def anatomy_of(seed: int, *, lesion: bool) -> Anatomy:
    return grow_anatomy(np.random.default_rng(seed), lesion=lesion, sex="F", bmi=25)


@given(seed=st.integers(0, 500), weighting=st.sampled_from(["CT", "T1", "T2"]))
def test_a_lesion_is_bright_and_changes_nothing_else(seed: int, weighting: str) -> None:
    sick = anatomy_of(seed, lesion=True)
    assert sick.lesion is not None
    z, field = sick.lesion.z, 360.0
    with_it, without = (draw_slice(each, z, weighting, 128, field) for each in (sick, replace(sick, lesion=None)))
    changed = with_it != without
    step = field / 128
    rows, columns = np.nonzero(changed)
    assert changed.sum() * step**2 > 800  # square millimetres
    centre = np.array([rows.mean(), columns.mean()]) * step - field / 2
    assert np.hypot(*(centre - (sick.lesion.y, sick.lesion.x))) < 8
    assert with_it[changed].mean() - without[changed].mean() > (150 if weighting == "CT" else 0.35)


def test_ct_slices_are_in_hounsfield_units() -> None:
    image = draw_slice(anatomy_of(1, lesion=False), 0.0, "CT", 128, 360.0)
    assert image[0, 0] == pytest.approx(-1000)
    assert image.min() >= -1000.1
    assert 300 < image.max() < 900
    assert ((image > -900) & (image < -800)).mean() > 0.08  # lungs


@pytest.mark.parametrize("encoding", [ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_every_encoding_keeps_every_pixel(encoding: UID) -> None:
    ds, stored = one_slice(encoding)
    back = dcmread(BytesIO(to_bytes(ds)))
    assert back.file_meta.TransferSyntaxUID == encoding
    assert np.array_equal(back.pixel_array, stored)


def test_the_same_slice_has_the_same_bytes() -> None:
    assert to_bytes(one_slice(JPEG2000Lossless)[0]) == to_bytes(one_slice(JPEG2000Lossless)[0])


def one_slice(encoding: UID) -> tuple[Dataset, np.ndarray]:
    study = next(study for study in plan_studies(admit(1, 8), 1) if study.modality == "CT")
    rng = np.random.default_rng(2)
    anatomy, series = anatomy_of(4, lesion=True), replace(study.series[0], size=64)
    geometry = lay_slices(series, anatomy, rng)
    ds = next(make_slices(series_header(study, series), study, series, anatomy, geometry, rng, 1))
    stored = np.frombuffer(ds.PixelData, "<u2").reshape(64, 64)
    finish(ds, study, encoding)
    return ds, stored


def test_a_planted_value_is_known_in_the_bytes_of_each_encoding() -> None:
    planted = Planted(value="霧硝峰榛", kind=Kind.NAME_PART, patient="patient-02", where=())
    forms = planted.forms()
    assert "霧硝峰榛".encode() in forms
    assert all(not form.startswith(b"\x1b") for form in forms)
    written = encode_string("霧硝峰榛", ["iso2022_jp"])
    assert any(form in written for form in forms if form != planted.value.encode())


def test_a_csa_header_lists_its_tags() -> None:
    raw = csa_header({"PatientName": ("PN", ("Abc, Def",)), "EchoTime": ("DS", ("12", "13"))})
    assert raw[:4] == b"SV10"
    assert int.from_bytes(raw[8:12], "little") == 2
    assert raw[16:27] == b"PatientName"
    assert raw.index(b"Abc, Def\0") < raw.index(b"EchoTime\0")
    assert len(raw) % 2 == 0

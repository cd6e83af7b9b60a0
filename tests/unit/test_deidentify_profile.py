"""A profile is checked before work starts, and its digest changes with whatever it does."""

from __future__ import annotations

import pytest
from pydicom.datadict import tag_for_keyword

from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings, PixelSettings
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import PRESETS, Action, Profile, profile_digest
from tests.support.identified import clean, make_ct


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"options": ("retain-device-identiti",)}, "did you mean `retain-device-identity`?"),
        ({"options": ("retain-uids",)}, "UIDs are always replaced"),
        ({"options": ("retain-full-dates",)}, "exclude each other"),
        ({"overrides": {"StudyDescripton": "X"}}, "did you mean `StudyDescription`?"),
        ({"overrides": {"PatientID": "K"}}, "always gets a pseudonym"),
        ({"overrides": {"StudyDescription": "U"}}, "is no UID"),
    ],
)
def test_a_mistake_names_the_nearest_right_one(settings: dict[str, object], hint: str) -> None:
    with pytest.raises(ConfigurationError, match="deidentify") as caught:
        Profile.of(DeidentifySettings.model_validate(settings))
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_presets() -> None:
    assert PRESETS["basic"] == ()
    assert Profile.of(DeidentifySettings()).dates == "MODIFIED"
    basic = DeidentifySettings(profile="basic", options=("retain-full-dates",))
    assert Profile.of(basic).dates == "UNMODIFIED"
    assert clean(make_ct(), basic).StudyDate == "20210304"


def test_an_override_stands_above_the_table() -> None:
    def action(keyword: str, vr: str, **overrides: str) -> Action:
        profile = Profile.of(DeidentifySettings.model_validate({"overrides": overrides}))
        return profile.decide(tag_for_keyword(keyword) or 0, vr).action

    assert action("StudyDescription", "LO") is Action.REMOVE
    assert action("StudyDescription", "LO", StudyDescription="K") is Action.KEEP
    assert action("StudyDescription", "LO", StudyDescription="C") is Action.REMOVE
    assert action("Manufacturer", "LO", Manufacturer="D") is Action.DUMMY
    assert action("PatientBirthDate", "DA", PatientBirthDate="C") is Action.SHIFT
    assert action("ContributingEquipmentSequence", "SQ", ContributingEquipmentSequence="X") is Action.REMOVE


def test_an_option_keeps_what_it_names_and_no_more() -> None:
    ds = make_ct()
    ds.StationName, ds.DeviceSerialNumber, ds.StationAETitle = "SCANNER3", "SN-99881", "AESCANNER"
    assert "StationName" not in clean(ds)
    kept = clean(ds, DeidentifySettings(options=("retain-device-identity", "retain-institution-identity")))
    assert kept.StationName == "SCANNER3"
    assert kept.InstitutionName == "Saint Barnabas General"
    assert "StationAETitle" not in kept
    assert [code.CodeValue for code in kept.DeidentificationMethodCodeSequence][-2:] == ["113109", "113112"]


def test_the_digest_changes_with_what_the_profile_does() -> None:
    variants = [
        DeidentifySettings(),
        DeidentifySettings(profile="basic"),
        DeidentifySettings(options=("retain-device-identity",)),
        DeidentifySettings(overrides={"StudyDescription": "K"}),
        DeidentifySettings(pixels=PixelSettings(accept=("US",))),
    ]
    assert len({profile_digest(settings) for settings in variants}) == len(variants)
    assert profile_digest(DeidentifySettings()) == profile_digest(DeidentifySettings())


def test_the_tables_are_whole() -> None:
    assert len(rules.rows()) == 652
    assert rules.load("e1_1.json")["edition"]
    for section in ("kept", "removed"):
        assert all(tag_for_keyword(keyword) for keyword in rules.tag_set(section))
    assert not {rules.name_of(tag) for tag in rules.rows()} & (rules.tag_set("kept") | rules.tag_set("removed"))

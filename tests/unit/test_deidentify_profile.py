"""A profile is checked before work starts, and its digest changes with whatever it does."""

from __future__ import annotations

import pytest
from pydicom import datadict
from pydicom.datadict import tag_for_keyword

from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings, PixelSettings, check_settings
from tasks.deidentify.rules import beyond
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import OPTIONS, PRESETS, Action, Decision, Profile, profile_digest
from tests.support.identified import CT


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"options": ("retain-device-identiti",)}, "did you mean `retain-device-identity`?"),
        ({"options": ("retain-uids",)}, "UIDs are always replaced"),
        ({"options": ("retain-full-dates",)}, "exclude each other"),
        ({"overrides": {"StudyDescripton": "X"}}, "did you mean `StudyDescription`?"),
        ({"overrides": {"PatientID": "K"}}, "always gets a pseudonym"),
        ({"overrides": {"StudyDescription": "U"}}, "is no UID"),
        ({"overrides": {"Rows": "C"}}, "is no text, date or sequence"),
        ({"overrides": {"PatientAge": "X", "0010,1010": "K"}}, "PatientAge is said to be X and K"),
        ({"overrides": {"0010,9999": "X"}}, "is not an attribute of a data set"),
        ({"overrides": {"(0019,xx0C)": "K"}}, "name its creator too"),
        ({"overrides": {"(0019,xx0C) ACME": "Z"}}, "use X, K, C or U"),
        ({"overrides": {"(0018,xx0C)": "K"}}, "xx stands for the block of a private one"),
        ({"overrides": {"(0008,1030) ACME": "K"}}, "is not private"),
        ({"overrides": {"(0019,0010) ACME": "K"}}, "reserves a block"),
        ({"overrides": {32776: "X"}}, "put tags in quotes"),
    ],
)
def test_a_mistake_names_the_nearest_right_one(settings: dict[str, object], hint: str) -> None:
    with pytest.raises(ConfigurationError, match="deidentify") as caught:
        Profile.of(check_settings({"deidentify": settings}, "params.yaml").deidentify)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_presets() -> None:
    assert PRESETS["basic"] == ()
    assert Profile.of(DeidentifySettings()).dates == "MODIFIED"
    basic = DeidentifySettings(profile="basic", options=("retain-full-dates",))
    assert Profile.of(basic).dates == "UNMODIFIED"
    assert Profile.of(basic).decide(rules.tag_of("StudyDate"), "DA").action is Action.KEEP
    assert Profile.of(DeidentifySettings()).options == {
        *("retain-modified-dates", "retain-patient-characteristics", "retain-device-identity", "retain-safe-private"),
        *("clean-descriptors", "clean-structured-content", "clean-graphics"),
    }


def test_an_override_stands_above_the_table() -> None:
    def action(keyword: str, vr: str, **overrides: str) -> Action:
        profile = Profile.of(DeidentifySettings.model_validate({"overrides": overrides}))
        return profile.decide(tag_for_keyword(keyword) or 0, vr).action

    assert action("StudyDescription", "LO") is Action.CLEAN
    assert action("StudyDescription", "LO", StudyDescription="K") is Action.KEEP
    assert action("StudyDescription", "LO", StudyDescription="X") is Action.REMOVE
    assert action("InstitutionName", "LO", InstitutionName="C") is Action.CLEAN
    assert action("Manufacturer", "LO", Manufacturer="D") is Action.DUMMY
    assert action("PatientBirthDate", "DA", PatientBirthDate="C") is Action.SHIFT
    assert action("PatientBirthTime", "TM", PatientBirthTime="C") is Action.KEEP
    assert action("DeviceUID", "UI", DeviceUID="D") is Action.UID
    assert action("ContributingEquipmentSequence", "SQ", ContributingEquipmentSequence="X") is Action.REMOVE
    assert action("PatientAge", "AS", **{"(0010,1010)": "X"}) is Action.REMOVE
    assert action("PatientAge", "AS", **{"00101010": "X"}) is Action.REMOVE


def test_an_option_keeps_what_it_names_and_no_more() -> None:
    def action(keyword: str, *options: str) -> Action:
        profile = Profile.of(DeidentifySettings(profile="basic", options=options))
        tag = rules.tag_of(keyword)
        return profile.decide(tag, rules.value_representations(tag)[0], rules.iod_of(CT)).action

    both = ("retain-device-identity", "retain-institution-identity")
    for keyword in ("StationName", "DeviceSerialNumber", "InstitutionName", "ScheduledStudyLocation"):
        assert action(keyword) is Action.REMOVE, keyword
        assert action(keyword, *both) is Action.KEEP, keyword
    assert action("StationAETitle", *both) is Action.REMOVE  # C for an AE title: nothing of it can be cleaned
    assert action("DeviceUID", *both) is Action.UID
    assert action("DateOfLastCalibration", "retain-device-identity") is Action.KEEP
    assert action("DateOfLastCalibration", "retain-device-identity", "retain-modified-dates") is Action.SHIFT
    assert action("Allergies", "retain-patient-characteristics") is Action.CLEAN
    assert action("PatientSex", "retain-patient-characteristics") is Action.KEEP
    assert action("MakerNote", "clean-descriptors") is Action.REMOVE  # binary: there are no words to clean
    assert action("ROIName", "clean-descriptors") is Action.CLEAN
    assert action("ContentSequence", "clean-structured-content") is Action.CLEAN
    assert action("GraphicAnnotationSequence", "clean-graphics") is Action.CLEAN
    assert action("ScheduledStudyLocation", "retain-device-identity", "clean-descriptors") is Action.CLEAN


def test_every_option_has_its_code() -> None:
    everything = tuple(name for name in OPTIONS if name != "retain-full-dates")
    profile = Profile.of(DeidentifySettings(profile="basic", options=everything))
    assert [option.code for option in profile.method_codes] == [
        *("113100", "113103", "113104", "113105", "113107", "113108", "113109", "113111", "113112"),
    ]


ALLOWED = {
    "X": {Action.REMOVE},
    "Z": {Action.EMPTY, Action.DUMMY},
    "D": {Action.DUMMY, Action.UID},
    "U": {Action.UID, Action.KEEP},  # a sequence that is kept for the UIDs in it
}
COLUMNS = {"K": {Action.KEEP}, "C": {Action.CLEAN, Action.SHIFT, Action.KEEP}}


@pytest.mark.parametrize("inside", ["", "RequestAttributesSequence"])
@pytest.mark.parametrize("profile", PRESETS)
def test_every_row_gets_an_action_that_its_columns_allow(profile: str, inside: str) -> None:
    chosen = Profile.of(DeidentifySettings.model_validate({"profile": profile}))
    for tag, row in rules.rows().items():
        known = rules.value_representations(tag)
        for vr in known or ("UN",):
            decision = chosen.decide(tag, vr, rules.iod_of(CT), inside)
            if row.keyword in ("PatientID", "PatientName"):
                assert decision.action is Action.PSEUDONYM
                continue
            allowed = set().union(*(ALLOWED[part] for part in row.action.replace("*", "").split("/")))
            allowed |= set().union(*(COLUMNS[row.options[name]] for name in chosen.options & row.options.keys()))
            if chosen.dates != "REMOVED" and beyond.refers(row.keyword):
                allowed.add(Action.KEEP)
            if row.keyword in rules.tag_set("together"):
                allowed.add(Action.REMOVE)
            if row.keyword in rules.tag_set("with_items") or (
                chosen.options and row.keyword in rules.tag_set("places")
            ):
                allowed.add(Action.CLEAN)
            if not known or tag >> 16 in (0, 2, 4):
                allowed = {Action.REMOVE}
            assert decision.action in allowed, (row, vr, decision)
            assert decision.otherwise is not decision.action or decision.action is Action.REMOVE, (row, decision)
            assert decision.otherwise not in (Action.CLEAN, Action.SHIFT), (row, decision)


def test_basic_keeps_no_value_of_any_row() -> None:
    basic = Profile.of(DeidentifySettings(profile="basic"))
    gone = {Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.UID, Action.PSEUDONYM}
    iods = [None, *range(0, len(rules.load("attribute_types.json")["iods"]), 7)]
    for tag in rules.rows():
        vr = (rules.value_representations(tag) or ("UN",))[0]
        found = {basic.decide(tag, vr, iod).action for iod in iods}
        keyword = rules.name_of(tag)
        whole = beyond.refers(keyword) or keyword in rules.tag_set("with_items")
        assert found <= gone or (vr == "SQ" and whole), keyword
    assert basic.retained == frozenset()


@pytest.mark.parametrize("profile", PRESETS)
def test_an_item_that_refers_to_an_object_holds_nothing_else(profile: str) -> None:
    chosen = Profile.of(DeidentifySettings.model_validate({"profile": profile}))
    kept = set()
    for tag, entry in vars(datadict)["DicomDictionary"].items():
        for sequence in ("ReferencedImageSequence", "SourceImageSequence"):
            if chosen.decide(tag, entry[0].split(" or ")[0], None, sequence).action not in (
                Action.REMOVE,
                Action.PSEUDONYM,
            ):
                kept.add(entry[4])
    assert kept == rules.tag_set("references")
    uid = chosen.decide(rules.tag_of("ReferencedSOPInstanceUID"), "UI", None, "SourceImageSequence")
    assert uid.action is Action.UID


@pytest.mark.parametrize("profile", PRESETS)
def test_what_researchers_need_of_a_device_is_kept(profile: str) -> None:
    chosen = Profile.of(DeidentifySettings.model_validate({"profile": profile}))
    words = """Manufacturer ManufacturerModelName SoftwareVersions ConvolutionKernel SequenceName PulseSequenceName
        FilterType ReceiveCoilName ImageType BodyPartExamined Modality SliceThickness
        PixelSpacing RescaleType WindowCenterWidthExplanation SegmentAlgorithmName ScanningSequence"""
    for keyword in words.split():
        tag = rules.tag_of(keyword)
        vr = rules.value_representations(tag)[0]
        wanted = {Action.KEEP, Action.CLEAN} if beyond.is_technical(tag, vr) else {Action.KEEP}
        assert chosen.decide(tag, vr).action in wanted, keyword


def test_every_text_attribute_beyond_the_table_has_been_judged() -> None:
    sections = ("kept", "removed", "technical", "products", "labels")
    judged = [rules.tag_set(section) for section in sections]
    assert sum(map(len, judged)) == len(frozenset().union(*judged)), "one attribute, one section"
    short = {
        entry[4]
        for tag, entry in vars(datadict)["DicomDictionary"].items()
        if entry[0] in ("LO", "SH", "UC") and entry[4] and tag >> 16 not in (0, 2, 4) and rules.row_of(tag) is None
    }
    assert short <= frozenset().union(*judged), sorted(short - frozenset().union(*judged))


@pytest.mark.parametrize(
    ("keyword", "basic", "research"),
    [
        ("CodeMeaning", Decision(Action.CLEAN, Action.DUMMY), Decision(Action.CLEAN, Action.DUMMY)),
        ("BeamName", Decision(Action.CLEAN), Decision(Action.CLEAN)),
        ("RTImageLabel", Decision(Action.CLEAN), Decision(Action.CLEAN)),
        ("SegmentDescription", Decision(Action.REMOVE), Decision(Action.CLEAN)),
        ("TextValue", Decision(Action.REMOVE), Decision(Action.CLEAN)),
        ("OwnerID", Decision(Action.REMOVE), Decision(Action.REMOVE)),
        ("UniversalEntityID", Decision(Action.REMOVE), Decision(Action.REMOVE)),
        ("EvaluatorName", Decision(Action.EMPTY), Decision(Action.EMPTY)),
        ("ContactURI", Decision(Action.REMOVE), Decision(Action.REMOVE)),
        ("ExpiryDate", Decision(Action.REMOVE), Decision(Action.SHIFT)),
        ("PixelData", Decision(Action.KEEP), Decision(Action.KEEP)),
        ("SpecificCharacterSet", Decision(Action.KEEP), Decision(Action.KEEP)),
        ("EquipmentModality", Decision(Action.CLEAN), Decision(Action.CLEAN)),
    ],
)
def test_beyond_the_table_text_that_people_type_is_cleaned_or_goes(
    keyword: str, basic: Decision, research: Decision
) -> None:
    tag = rules.tag_of(keyword)
    vr = rules.value_representations(tag)[0]
    assert Profile.of(DeidentifySettings(profile="basic")).decide(tag, vr) == basic
    assert Profile.of(DeidentifySettings()).decide(tag, vr) == research


def test_a_label_of_which_nothing_is_left_is_replaced_where_the_object_needs_one() -> None:
    research = Profile.of(DeidentifySettings())
    label = rules.tag_of("SegmentLabel")
    assert research.decide(label, "LO", None, "SegmentSequence") == Decision(Action.CLEAN, Action.DUMMY)
    assert research.decide(label, "LO", None, "") == Decision(Action.CLEAN, Action.REMOVE)


def test_the_digest_changes_with_what_the_profile_does() -> None:
    variants = [
        DeidentifySettings(),
        DeidentifySettings(profile="basic"),
        DeidentifySettings(options=("retain-institution-identity",)),
        DeidentifySettings(overrides={"StudyDescription": "K"}),
        DeidentifySettings(pixels=PixelSettings(accept=("US",))),
        DeidentifySettings(edition="2017c"),
    ]
    assert len({profile_digest(settings) for settings in variants}) == len(variants)
    assert profile_digest(DeidentifySettings()) == profile_digest(DeidentifySettings())


def test_the_tables_are_whole() -> None:
    assert len(rules.rows()) == 652
    assert rules.load("e1_1.json")["edition"]
    sections = ("kept", "removed", "technical", "products", "labels", "needed", "references")
    for section in sections:
        assert all(tag_for_keyword(keyword) for keyword in rules.tag_set(section)), section
    listed = {rules.name_of(tag) for tag in rules.rows()}
    assert not listed & frozenset().union(*(rules.tag_set(section) for section in sections[:6]))
    assert rules.tag_set("places") <= listed

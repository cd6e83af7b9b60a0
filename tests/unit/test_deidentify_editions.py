"""Editions of E.1-1: an older one has fewer rows, says which, and is still safe."""

from __future__ import annotations

import pytest

from tasks.core.settings import DeidentifySettings
from tasks.deidentify.rules import editions, summary, tables
from tasks.deidentify.rules.actions import Action
from tasks.deidentify.rules.names import named
from tasks.deidentify.rules.profile import Profile

KEPT = {Action.KEEP, Action.CLEAN}


def action(edition: str, keyword: str, profile: str = "basic") -> Action:
    chosen = Profile.of(DeidentifySettings.model_validate({"profile": profile, "edition": edition}))
    tag = tables.tag_of(keyword)
    return chosen.decide(tag, tables.value_representations(tag)[0]).action


def why(edition: str, keyword: str) -> str:
    chosen = Profile.of(DeidentifySettings.model_validate({"profile": "basic", "edition": edition}))
    tag = tables.tag_of(keyword)
    return chosen.judge(tag, tables.value_representations(tag)[0]).because


def test_each_edition_is_part_of_the_next() -> None:
    found = [editions.edition(name) for name in (*reversed(editions.OLDER), editions.NEWEST)]
    assert [edition.rows for edition in found] == [48, 274, 456, 652]
    assert [len(edition.lacks) for edition in found] == [604, 379, 196, 0]
    assert found[0].lacks > found[1].lacks > found[2].lacks > found[3].lacks
    for edition in found:
        assert edition.lacks <= set(tables.rows())
        assert len(summary.lacking(edition.name)) == len(edition.lacks)
    assert "RTPlanLabel" in summary.lacking("2017c")
    assert "RTPlanLabel" not in summary.lacking("2021b")


@pytest.mark.parametrize(
    ("keyword", "edition"),
    [
        ("PatientName", "2008"),
        ("StudyDate", "2017c"),
        ("GPSLatitude", "2021b"),
        ("InstanceCreationDate", "after 2021b"),
        ("UnformattedTextValue", "2026c"),
        ("OverlayData", "2017c"),
    ],
)
def test_since_when_there_is_a_row(keyword: str, edition: str) -> None:
    assert editions.added_in(named(keyword, "").tag) == edition


def test_an_older_edition_gives_text_back_cleaned_and_the_patients_characteristics() -> None:
    assert [action(edition, "RTPlanLabel") for edition in ("2008", "2017c", "2021b", "2026c")] == [
        *(Action.CLEAN, Action.CLEAN, Action.DUMMY, Action.DUMMY),
    ]
    assert action("2008", "SmokingStatus") is Action.KEEP
    assert action("2017c", "SmokingStatus") is Action.REMOVE
    assert action("2008", "AcquisitionContextSequence") is Action.CLEAN
    assert action("2008", "StudyDescription") is Action.REMOVE
    assert action("2008", "StudyDescription", "research") is Action.CLEAN


@pytest.mark.parametrize("edition", editions.OLDER)
def test_an_older_edition_keeps_no_name_date_uid_place_or_number_of_a_person(edition: str) -> None:
    basic = Profile.of(DeidentifySettings.model_validate({"profile": "basic", "edition": edition}))
    for tag in editions.edition(edition).lacks:
        row, known = tables.rows()[tag], tables.value_representations(tag)
        decision = basic.decide(tag, known[0] if known else "UN")
        if decision.action not in KEPT or "U*" in row.action or row.keyword in tables.tag_set("with_items"):
            continue
        assert set(row.options) & editions.GIVEN_BACK, row
        assert set(known) <= {"LO", "SH", "ST", "LT", "UT", "UC", "CS", "US", "SQ", "AS"}, row
        assert decision.action is Action.CLEAN or set(known) <= {"CS", "US", "AS", "SH", "SQ"}, row
    for keyword in ("StudyDate", "PatientTelephoneNumbers", "GPSLatitude", "OtherPatientIDsSequence", "DeviceUID"):
        assert action(edition, keyword) in (Action.REMOVE, Action.EMPTY, Action.UID), keyword


def test_a_row_that_was_dropped_holds_in_the_editions_that_had_it() -> None:
    # Retired since, so it goes in the others as well: as all words of retired attributes do, not by a row.
    told = {edition: why(edition, "ModifyingDeviceManufacturer") for edition in ("2017c", "2021b", "2026c")}
    assert "retired" not in told["2017c"]
    assert "retired" in told["2021b"]
    assert "retired" in told["2026c"]

"""Private attributes: what is known to be safe stays, in any spelling of its creator; dates, UIDs and words do not."""

from __future__ import annotations

import pytest

from tasks.core.settings import DeidentifySettings
from tasks.deidentify.rules import private, tables
from tasks.deidentify.rules.actions import BINARY, TEXT, Action, Decision
from tasks.deidentify.rules.profile import Profile

RESEARCH = Profile.of(DeidentifySettings())
BASIC = Profile.of(DeidentifySettings(profile="basic"))
FULL_DATES = Profile.of(DeidentifySettings(profile="basic", options=("retain-safe-private", "retain-full-dates")))
NO_DATES = Profile.of(DeidentifySettings(profile="basic", options=("retain-safe-private",)))
TELLING = ("AE", "DA", "DT", "LO", "OB", "OW", "PN", "SH", "UI", "UN", "UR", "UT")


def elements() -> list[tuple[str, int]]:
    blocks = tables.load("private.json")["creators"].values()
    return [
        (block["spellings"][0], int(f"{group}10{element}", 16))
        for block in blocks
        for group, found in block["groups"].items()
        for element in found
    ]


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "decision"),
    [
        ("SIEMENS MR HEADER", 0x0019100C, "IS", Action.KEEP),  # B value, E.3.10-1
        ("SIEMENS MR HEADER", 0x0019FE0C, "IS", Action.KEEP),  # in whichever block
        ("siemens  mr header ", 0x0019100C, "IS", Action.KEEP),
        ('SIEMENS MR HEADER"', 0x0019100C, "IS", Action.KEEP),
        ("SIEMENS MR HEADER", 0x0019100C, "UN", Action.REMOVE),  # bytes that nobody can read
        ("SIEMENS MR HEADER", 0x0019100C, "LO", Action.REMOVE),  # a number that has become text
        ("SIEMENS MR HEADER", 0x00191099, "IS", Action.REMOVE),
        ("SIEMENS CSA HEADER", 0x00291010, "OB", Action.REMOVE),  # a whole header with the patient's name in it
        ("ACME", 0x0019100C, "IS", Action.REMOVE),
        ("", 0x0019100C, "IS", Action.REMOVE),
        ("GEMS_PARM_01", 0x00431039, "IS", Action.KEEP),
        ("GEMS_ACQU_01", 0x0019109E, "LO", Action.CLEAN),  # text that E.3.10-1 names
        ("GEMS_ACQU_01", 0x0019109C, "LO", Action.CLEAN),  # text that only TCIA names
        ("GEMS_ACQU_01", 0x0019109D, "DT", Action.SHIFT),
        ("GEMS_ACQU_01", 0x0019109D, "SH", Action.SHIFT),  # a date in a text
        ("GEMS_IDEN_01", 0x000910E3, "UI", Action.UID),
        ("GEMS_IDEN_01", 0x000910E3, "LO", Action.UID),
        ("GEMS_IDEN_01", 0x00091027, "SL", Action.REMOVE),  # a date in seconds
        ("NQHeader", 0x00991002, "UI", Action.UID),
        ("NQHeader", 0x00991005, "LT", Action.CLEAN),
        ("HOLOGIC, Inc.", 0x7E011012, "OB", Action.KEEP),
        ("HOLOGIC, Inc.", 0x7E011010, "SQ", Action.KEEP),
        ("Philips Imaging DD 001", 0x20011003, "FL", Action.KEEP),
        ("PHILIPS IMAGING DD 001", 0x20011004, "CS", Action.CLEAN),
        ("Philips MR Imaging DD 005", 0x20051011, "UI", Action.UID),
        ("SECTRA_Ident_01", 0x00091002, "LO", Action.REMOVE),  # an accession number, whatever TCIA says
        ("INTELERAD MEDICAL SYSTEMS", 0x3F011001, "LO", Action.REMOVE),  # an institution
    ],
)
def test_what_becomes_of_a_private_element(creator: str, tag: int, vr: str, decision: Action) -> None:
    assert RESEARCH.decide_private(creator, tag, vr).action is decision
    assert BASIC.decide_private(creator, tag, vr) == Decision(Action.REMOVE)


def test_no_element_keeps_a_name_a_date_a_uid_words_or_unknown_bytes_as_they_are() -> None:
    for creator, tag in elements():
        entry = private.entry_of(creator, tag)
        assert entry is not None
        for vr in TELLING:
            read = RESEARCH.private_vr(creator, tag, vr)
            action = RESEARCH.decide_private(creator, tag, read).action
            if action is not Action.KEEP:
                continue
            assert read not in ("PN", "UI", "DA", "DT", "AE", "UR"), (creator, hex(tag), vr)
            if read in TEXT or read in BINARY:
                assert entry.standard, (creator, hex(tag), vr)


def test_dates_follow_the_profile() -> None:
    tag, creator = 0x0019109D, "GEMS_ACQU_01"
    assert FULL_DATES.decide_private(creator, tag, "DT").action is Action.KEEP
    assert FULL_DATES.decide_private(creator, tag, "SH").action is Action.CLEAN
    assert NO_DATES.decide_private(creator, tag, "DT").action is Action.REMOVE
    time = next(
        (creator, tag)
        for creator, tag in elements()
        if (entry := private.entry_of(creator, tag)) and entry.vrs == ("TM",)
    )
    found = [profile.decide_private(*time, "TM").action for profile in (RESEARCH, FULL_DATES, NO_DATES)]
    assert found == [Action.KEEP, Action.KEEP, Action.REMOVE]


def test_a_value_without_vr_is_read_by_the_known_one() -> None:
    assert RESEARCH.private_vr("SIEMENS MR HEADER", 0x0019100C, "UN") == "IS"
    assert RESEARCH.private_vr("SIEMENS MR HEADER", 0x0019100C, "OB") == "IS"
    assert RESEARCH.private_vr("SIEMENS MR HEADER", 0x0019100C, "DS") == "DS"
    assert RESEARCH.private_vr("HOLOGIC, Inc.", 0x7E011012, "UN") == "OB"
    assert RESEARCH.private_vr("ACME", 0x0019100C, "UN") == "UN"
    assert RESEARCH.private_vr("GEMS_PARM_01", 0x0043107B, "UN") == "FL"  # any number of them
    assert RESEARCH.decide_private("GEMS_PARM_01", 0x0043107B, "FL").action is Action.KEEP
    assert RESEARCH.private_most("SIEMENS MR HEADER", 0x0019100E) == 3
    assert RESEARCH.private_most("ACME", 0x0019100E) == 0


def test_only_known_creators_are_written_and_in_their_spelling() -> None:
    assert RESEARCH.known_creator(" siemens  mr HEADER ") == "SIEMENS MR HEADER"
    assert RESEARCH.known_creator("PHILIPS IMAGING DD 001") == "PHILIPS IMAGING DD 001"
    assert RESEARCH.known_creator("philips imaging dd 001") == "Philips Imaging DD 001"
    assert RESEARCH.known_creator("SIEMENS CM VA0  ACQU") == "SIEMENS CM VA0  ACQU"
    assert RESEARCH.known_creator("Jane Doe") is None
    assert BASIC.known_creator("SIEMENS MR HEADER") is None


def test_a_site_may_keep_an_element_of_its_own() -> None:
    own = {"(0019,xx33) Barnabas Lab": "K", "(0019,xx34) barnabas lab": "C", "(0019,xx0C) SIEMENS MR HEADER": "X"}
    basic = Profile.of(DeidentifySettings.model_validate({"profile": "basic", "overrides": own}))
    assert basic.decide_private("BARNABAS  LAB", 0x00191133, "DS").action is Action.KEEP
    assert basic.decide_private("Barnabas Lab", 0x00191134, "LO").action is Action.CLEAN
    assert basic.decide_private("Barnabas Lab", 0x00191135, "LO").action is Action.REMOVE
    assert basic.decide_private("Barnabas Lab", 0x00190033, "LO").action is Action.REMOVE
    assert basic.known_creator("BARNABAS LAB") in ("Barnabas Lab", "barnabas lab")
    assert basic.known_creator("SIEMENS MR HEADER") is None
    research = Profile.of(DeidentifySettings.model_validate({"overrides": own}))
    assert research.decide_private("SIEMENS MR HEADER", 0x0019100C, "IS").action is Action.REMOVE
    assert research.decide_private("SIEMENS MR HEADER", 0x0019100D, "CS").action is Action.CLEAN


def test_the_table_is_clean_of_the_noise_it_came_with() -> None:
    table = tables.load("private.json")
    assert "E.3.10-1" in table["source"]
    assert "2024-02-01" in table["edition"]
    assert len(elements()) > 2000
    for key, block in table["creators"].items():
        assert key == private.folded(key)
        for spelling in block["spellings"]:
            assert private.folded(spelling) == key
            assert spelling == spelling.strip()
            assert '"' not in spelling
            assert private.spelling(spelling) == spelling
            assert spelling.isascii()
        assert all(int(group, 16) % 2 for group in block["groups"])
    assert not {"CTP"} & {key for key, block in table["creators"].items() if "12" in block["groups"].get("0013", {})}

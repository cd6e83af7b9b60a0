"""`sluice profile`: show, explain and check say what the engine does, and a mistake is one line and exit code 2."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import app
from tasks.core.errors import ConfigurationError
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.rules import names, tables
from tasks.deidentify.rules.explain import WORDS, Place, explain, sop_class_named
from tasks.deidentify.rules.files import load_profile
from tasks.deidentify.rules.names import Named, named
from tasks.deidentify.rules.profile import PRESETS, Profile
from tests.support.places import ROOT

BASIC = Profile.of(DeidentifySettings(profile="basic"))
RESEARCH = Profile.of(DeidentifySettings())
DOCUMENT = ROOT / "docs" / "deidentification-profiles.md"


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["profile", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("text", "tag", "creator"),
    [
        ("PatientName", 0x00100010, ""),
        ("0010,0010", 0x00100010, ""),
        ("(0010,0010)", 0x00100010, ""),
        (" 00100010 ", 0x00100010, ""),
        ("(0019,xx0C)", 0x0019100C, ""),
        ("0019,100c", 0x0019100C, ""),
        ("(0019,xx0C) SIEMENS MR HEADER", 0x0019100C, "SIEMENS MR HEADER"),
        ('0019,xx0c "SIEMENS MR HEADER"', 0x0019100C, "SIEMENS MR HEADER"),
        ("OverlayData", 0x60003000, ""),
    ],
)
def test_the_ways_to_name_an_attribute(text: str, tag: int, creator: str) -> None:
    assert named(text, "TAG") == Named(tag, creator)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("PatientNam", "did you mean `PatientName`?"),
        ("patientname", "did you mean `PatientName`?"),
        ("zzzzzzzz", "use the keyword of PS3.6"),
        ("", "unknown keyword"),
        ("(0010,xx10)", "xx stands for the block"),
        ("(0019,x10C)", "xx stands for the block"),
        ("0010,0010 ACME", "is not private"),
    ],
)
def test_a_name_that_names_nothing_is_told_with_the_nearest(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match="TAG: ") as raised:
        named(text, "TAG")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("profile", "text", "parts"),
    [
        (BASIC, "0010,0010", ["PatientName", "pseudonym", "E.1-1: Z; a row since 2008"]),
        (BASIC, "StudyDescription", ["C by clean-descriptors (off)", "removed"]),
        (RESEARCH, "StudyDescription", ["C by clean-descriptors (on)", "cleaned"]),
        (RESEARCH, "StudyDate", ["retain-modified-dates (on)", "number of days", "emptied, where the value"]),
        (
            BASIC,
            "ContentDate",
            ["Z for Type 3", "D for Type 1", "emptied", "says nothing", "IODs, where it is of Type 1"],
        ),
        (BASIC, "InstitutionName", ["X/Z/D", "retain-institution-identity (off)", "X for Type 3", "--inside"]),
        (BASIC, "SOPInstanceUID", ["new UID", "E.1-1: U"]),
        (BASIC, "ManufacturerModelName", ["does not list it", "a maker chooses its words", "kept"]),
        (BASIC, "CodeMeaning", ["does not list it", "cleaned"]),
        (RESEARCH, "ContentSequence", ["kept, and its items are cleaned", "C by clean-structured-content"]),
        (RESEARCH, "ScheduledStudyLocation", ["as it tells a place", "cleaned"]),
        (BASIC, "OverlayData", ["curves and overlays go whole", "removed"]),
        (BASIC, "0010,9999", ["PS3.6 as it is known here does not have it", "removed at any depth", "nearest"]),
        (BASIC, "0010,0041", ["E.1-1 lists it, but PS3.6", "removed"]),
        (BASIC, "(0019,xx0C) SIEMENS MR HEADER", ["without the option retain-safe-private", "removed"]),
        (RESEARCH, "(0019,xx0C) siemens mr header", ["B_value", "IS", "E.3.10-1", "kept"]),
        (RESEARCH, "0019,100C", ["MMCPrivate", "SIEMENS MR HEADER", "TCIA"]),
        (RESEARCH, "0019,10FE", ["no creator is known"]),
        (RESEARCH, "(0019,xx0C) Jane", ["its creator is not known", "removed"]),
        (RESEARCH, "0019,0010", ["reserves a block"]),
    ],
)
def test_an_explanation_names_row_option_and_outcome(profile: Profile, text: str, parts: list[str]) -> None:
    told = "\n".join(f"{heading}: {line}" for heading, line in explain(profile, named(text, "TAG")))
    for part in parts:
        assert part in told


def test_the_sop_class_and_the_sequence_around_it_resolve_the_type() -> None:
    institution, label = named("InstitutionName", ""), named("SegmentLabel", "")
    content = named("ContentDate", "")
    assert any("Type 3" in text for _, text in explain(BASIC, institution, Place(sop_class_named("MR"))))
    us = explain(BASIC, content, Place(sop_class_named("us")))
    assert [text for heading, text in us if heading == "because"] == ["E.1-1: Z/D, Z for Type 2C"]
    nested = dict(explain(RESEARCH, label, Place(inside="SegmentSequence")))
    assert "where it is of Type 1" in nested["happens"]
    assert nested["or else"].startswith("replaced by a value that says nothing")
    with pytest.raises(ConfigurationError, match="is no SOP class that is known here"):
        sop_class_named("ZZ")


@pytest.mark.parametrize("profile", [BASIC, RESEARCH], ids=["basic", "research"])
def test_an_explanation_of_any_row_is_what_the_profile_decides(profile: Profile) -> None:
    for tag in list(tables.rows())[::5]:
        told = [text for heading, text in explain(profile, Named(tag, "")) if heading == "happens"]
        vr = (tables.value_representations(tag) or ("UN",))[0]
        action = profile.decide(tag, vr, 0).action
        words = "kept, and its items" if vr == "SQ" and WORDS[action][:4] in ("kept", "clea") else WORDS[action]
        assert any(text.startswith(words) for text in told), (hex(tag), told, action)


def test_show_tells_options_codes_counts_and_what_the_edition_lacks() -> None:
    told = said("show", "--profile", "research", "--edition", "2017c")
    for part in (
        "113100",
        "113105",
        "clean-descriptors",
        "113111",
        "retain-uids",
        "lacks      379",
        "RTPlanLabel",
        "652",
    ):
        assert part in told
    assert re.search(r"retain-full-dates +113106 +off", told)
    assert re.search(r"retain-modified-dates +113107 +on", told)
    assert "lacks" not in said("show")


def test_explain_takes_creator_modality_and_sequence() -> None:
    assert "B_value" in said("explain", "(0019,xx0C)", "--creator", "SIEMENS MR HEADER", "--profile", "research")
    assert "in such an object" in said("explain", "StudyDate", "--modality", "CT")
    said_of = said("explain", "SegmentLabel", "--inside", "SegmentSequence")
    assert "inside SegmentSequence" in " ".join(said_of.split())  # lines are as wide as the terminal
    assert "should be" in said("explain", "ConvolutionKernel", "--vr", "lo")


def test_check_shows_in_short_what_a_file_does(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    chosen = {"StudyDescription": "C", "(0019,xx0C) SIEMENS MR HEADER": "K", "0010,1010": "K"}
    site.write_text(yaml.safe_dump({"profile": "basic", "edition": 2008, "overrides": chosen}))
    told = said("check", str(site))
    assert len(told.splitlines()) < 25
    for part in ("basic, edition 2008, dates removed", "PatientAge: K", "(0019,xx0C) SIEMENS MR HEADER: K", "113100"):
        assert part in told
    assert load_profile(str(site)).edition == "2008"
    assert "the site's override: K" in said("explain", "PatientAge", "--profile", str(site))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("options: [clean-descriptor]", "did you mean `clean-descriptors`?"),
        ("options: [retain-uids]", "UIDs are always replaced"),
        ("options: [retain-full-dates, retain-modified-dates]", "exclude each other"),
        ("overrides: {StudyDescripton: X}", "did you mean `StudyDescription`?"),
        ("overrides: {00100010: X}", "put tags in quotes"),
        ("overrides: {StudyDate: Q}", "deidentify.overrides.StudyDate"),
        ("edition: 2019", "deidentify.edition"),
        ("profle: basic", "did you mean `profile`?"),
        ("deidentify:\n  optons: []", "did you mean `options`?"),
        ("- 1", "must hold the keys of `deidentify:`"),
        ("profile: [", "is not YAML: look at line"),
    ],
)
def test_a_mistake_in_a_profile_file_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(text)
    done = CliRunner().invoke(app, ["profile", "check", str(bad)])
    assert done.exit_code == 2
    line = done.stderr.strip()
    assert told in line
    assert "bad.yaml" in line
    assert "\n" not in line
    with pytest.raises(ConfigurationError, match=r"bad\.yaml"):
        load_profile(str(bad))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "nothere.yaml"), "is neither a preset nor a file"),
        (("show", "--profile", "reserch"), "did you mean `research`?"),
        (("show", "--edition", "2018"), "did you mean 2008?"),
        (("explain", "PatientNam"), "did you mean `PatientName`?"),
        (("explain", "StudyDate", "--modality", "ZZ"), "no SOP class"),
        (("explain", "StudyDate", "--inside", "StudyDate"), "is no sequence"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_exit_code_2(arguments: tuple[str, ...], told: str) -> None:
    done = CliRunner().invoke(app, ["profile", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_preset_is_a_profile_and_so_are_the_parameters_of_a_workspace() -> None:
    assert [load_profile(name).profile for name in PRESETS] == list(PRESETS)
    assert load_profile(str(ROOT / "params.yaml")) == DeidentifySettings()


def test_what_the_page_about_profiles_shows_works() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    group = get_command(app).commands["profile"].commands  # type: ignore[attr-defined]
    shown = re.findall(r"^    (sluice profile .*)$", text, re.MULTILINE)
    assert len(shown) >= 5
    for line in shown:
        words = shlex.split(line.split("#")[0])
        known = {name for parameter in group[words[2]].params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
        if words[2] != "check" and not any(word.endswith(".yaml") for word in words):
            said(*words[2:])
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        settings = yaml.safe_load(block)
        Profile.of(DeidentifySettings.model_validate(settings.get("deidentify", settings)))
    for keyword in re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", text):
        assert names.named(keyword, "the page").tag, keyword

"""Canary files: each attribute, each channel, each encoding, under both presets; by the library and by the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.canary import cases, search, validity
from tests.canary.attributes import CARRIERS
from tests.canary.cases import Case
from tests.canary.channels import all_channels, file_with
from tests.canary.check import KEY, PRESETS, check, judge
from tests.canary.writing import EXPLICIT

CASES = {case.name: case for case in cases.cases()}
SLUICE = Path(sys.executable).with_name("sluice")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", CASES)
def test_nothing_sings_and_what_is_needed_stays(name: str, preset: str) -> None:
    case: Case = CASES[name]
    file, mint = case.make()
    verdict = check(name, file, mint, preset, valid=preset == "basic")
    assert verdict.leaks == [] or case.tolerated, verdict.where
    assert verdict.lost == []
    assert not verdict.errors, "dciodvfy has something new against it"
    assert verdict.released or not case.must_release, verdict.reason


@pytest.mark.parametrize("make", [cases.at_top, cases.nested, cases.together])
def test_the_search_finds_each_canary_where_nothing_is_removed(make: object) -> None:
    """The checker itself: a source is the worst output there is."""
    assert callable(make)
    file, mint = make()
    places = {*mint.words.values(), *mint.numbers.values(), *mint.days.values(), *mint.uids.values()}
    on_disk = {place for place in places if place.name != "file and folder names"}
    missed = on_disk - search.found(mint, file.content())
    # Where a channel wants an attribute that has a canary already, the channel's is the one that stands.
    assert {place for place in missed if place.group not in ("base", "top")} == set()


def test_a_released_canary_file_is_as_valid_as_the_one_it_came_from(tmp_path: Path) -> None:
    if validity.errors(tmp_path) is None:
        pytest.skip("dciodvfy is not installed (bash scripts/services.sh dicom3tools)")
    file, mint = cases.plain()
    source, output = tmp_path / "source.dcm", tmp_path / "output.dcm"
    source.write_bytes(file.content())
    assert not validity.errors(source)
    output.write_bytes(check("plain", file, mint, "basic", valid=False).output)
    assert not validity.errors(output)
    del file.body[0x00080060]  # Modality
    output.write_bytes(file.content())
    assert validity.new_errors(source, output)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_command_lets_no_canary_out_in_bytes_names_report_or_speech(preset: str, tmp_path: Path) -> None:
    source, target, key = tmp_path / "in", tmp_path / "out", tmp_path / "key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    file, mint = cases.together(EXPLICIT, CARRIERS[0][0])
    (source / file.name).parent.mkdir(parents=True)
    (source / file.name).write_bytes(file.content())
    directory, of_directory = file_with(all_channels()["directory"])
    (source / "DICOMDIR").write_bytes(directory.content())
    options = ["--key-file", str(key), "--profile", preset, "--report", str(tmp_path / "report.json"), "--dicomdir"]
    done = subprocess.run(
        [str(SLUICE), "deidentify", str(source), str(target), *options], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (output,) = (path for path in target.rglob("*") if path.is_file() and path.stat().st_size > 8192)
    verdict = judge("command", file, mint, preset, output.read_bytes(), str(output.relative_to(target)))
    assert (verdict.leaks, verdict.lost) == ([], []), verdict.where
    others = [path for path in tmp_path.rglob("*") if path.is_file() and source not in path.parents and path != output]
    said = done.stdout + done.stderr + b"".join(path.read_bytes() for path in others)
    assert "DICOMDIR" in {path.name for path in others}
    assert (tmp_path / "report.json") in others
    # Which of the user's own paths he sees again is his affair: they are his arguments.
    times = preset != "research"
    assert search.found(mint, said.replace(str(tmp_path).encode(), b""), times=times) == set()
    assert search.found(of_directory, said, times=times) == set()

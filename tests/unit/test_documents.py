"""What the documents show exists: commands with their options, make targets, files, settings and reasons."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from flows.cli import app
from flows.commands.params import describe
from tasks.core.findings import Finding
from tasks.core.reasons import Reason
from tasks.core.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/deidentify.md", "docs/scorecard.md"),
    "docs/deidentification-profiles.md",
    "docs/transform.md",
    "docs/training.md",
)


def shown(document: str, program: str) -> list[list[str]]:
    """The command lines of `program` in indented code and in `code` of a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
    parts = [part.strip() for line in lines for part in line.split("#")[0].split("&&")]
    found = [part.removeprefix(".venv/bin/") for part in parts]
    return [shlex.split(line) for line in found if line.split(" ")[0] == program and "…" not in line]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_sluice_command_that_is_shown_exists_with_its_options(document: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in shown(document, "sluice"):
        if len(line) == 1 or line[1].startswith("-"):
            continue
        assert line[1] in commands, " ".join(line)
        command = commands[line[1]]
        if "commands" in vars(command):
            assert line[2] in command.commands, " ".join(line)
            command = command.commands[line[2]]
        known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        used = {word for word in line[2:] if word.startswith("--")}
        assert used <= known, " ".join(line)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_that_is_shown_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in shown(document, "make"):
        assert set(line[1:]) <= targets, " ".join(line)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = re.findall(r"`((?:tasks|flows|docs|tests|scripts|expectations)/[\w/.*-]+)`", text)
    linked = [target for target in re.findall(r"\]\(([^)]+)\)", text) if not target.startswith("http")]
    for name in named:
        assert list(ROOT.glob(name.rstrip("/"))), name
    for target in linked:
        assert ((ROOT / document).parent / target).exists(), target


def test_the_walk_through_the_code_names_files_that_exist() -> None:
    walk = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = [line for line in walk.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len(rows) >= 12
    for row in rows:
        room: Path | None = None
        for name in re.findall(r"`([\w/.*]+\.(?:py|json))`", row.rsplit("|", 2)[1]):
            place = ROOT / name if "/" in name else (room or ROOT) / name
            assert list(place.parent.glob(place.name)), f"{row}: {name}"
            room = place.parent


def test_the_template_holds_settings_that_exist_and_their_defaults() -> None:
    template = load_settings(ROOT / "params.yaml")
    assert template == Settings()
    written = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert set(Settings.model_fields) == set(written)


def test_every_setting_is_explained() -> None:
    rows = describe(Settings, "")
    assert len({key for key, _, _ in rows}) == len(rows) > 30
    assert [key for key, default, meaning in rows if not default or not meaning] == []


def test_every_finding_is_in_the_document_with_its_policies() -> None:
    text = (ROOT / "docs/transform.md").read_text(encoding="utf-8")
    for finding in Finding:
        assert f"| `{finding.value}` | {', '.join(finding.policies)} | {finding.sentence} |" in text
        assert finding.default == finding.policies[0]


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    for reason in Reason:
        assert len(reason.sentence) > 15
        assert reason.remedy
        assert Reason.of(reason.code) is reason

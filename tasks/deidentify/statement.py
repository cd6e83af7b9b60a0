"""`data/deidentified/profile.json`: by which profile, options and tables the archives beside it were made.

It goes into the dataset card and release.json, so that a release tells what was applied and not what is set now.
"""

from __future__ import annotations

from pathlib import Path

from tasks.core.files import write_json
from tasks.core.models import AppliedProfile
from tasks.core.settings import digest
from tasks.core.workspace import Workspace
from tasks.deidentify import VERSION
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Profile, profile_digest


def write_statement(workspace: Workspace) -> None:
    """Write the statement; the same settings and tables give the same bytes."""
    settings = workspace.settings.deidentify
    profile, rows = Profile.of(settings), rules.load("e1_1.json")
    applied = AppliedProfile(
        name=profile.name,
        options=tuple(sorted(profile.options)),
        overrides=dict(profile.overrides),
        settings=digest(settings),
        table=rows["source"],
        edition=profile.edition,
        digest=profile_digest(settings),
        version=VERSION,
    )
    write_json(statement_file(workspace), applied.model_dump(mode="json"))


def statement_file(workspace: Workspace) -> Path:
    """Where the statement lies."""
    return workspace.deidentified / "profile.json"

"""That somebody withdrew: a committed record in data/withdrawals, and what it says of releases. Never who.

How the bytes go belongs into `tasks.withdraw`; who is not taken again, into `opt_outs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError
from sqlalchemy import select

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.files import write_json
from tasks.core.models import Frozen
from tasks.core.workspace import Workspace
from tasks.record.items import put_rows
from tasks.record.ledger import Ledger
from tasks.record.outbox import enter
from tasks.record.schema import ReleaseRow, WithdrawalRow


class Held(Frozen):
    """How much of those who withdrew a release held."""

    series: int
    instances: int
    patients: int = 0
    studies: int = 0

    def __add__(self, other: Held) -> Held:
        """What two withdrawals took of one release."""
        return Held(**{name: getattr(self, name) + getattr(other, name) for name in Held.model_fields})


class Withdrawal(Frozen):
    """One withdrawal. `at` is a day, `asked_by` an office or role, `models` are name/version.

    `listings` leads from each DVC directory of an older release, which named them, to the one without them; `commits`
    from each commit that named them to the one that took its place.
    """

    number: int
    at: str
    asked_by: str
    people: int
    series: int
    instances: int
    releases: dict[str, Held]
    models: tuple[str, ...]
    objects: int = 0
    bytes: int = 0
    listings: dict[str, str] = Field(default_factory=dict)
    commits: dict[str, str] = Field(default_factory=dict)


def read_withdrawals(workspace: Workspace) -> tuple[Withdrawal, ...]:
    """All of them, oldest first."""
    try:
        found = [
            Withdrawal.model_validate_json(place.read_text(encoding="utf-8"))
            for place in workspace.withdrawals.glob("*.json")
        ]
    except ValidationError:
        raise ConfigurationError(f"a record in {workspace.withdrawals} is damaged: take it from git again") from None
    return tuple(sorted(found, key=lambda one: one.number))


def write_withdrawal(workspace: Workspace, withdrawal: Withdrawal) -> Path:
    """Write the record; committing it is up to the caller. Returns where it is."""
    place = workspace.withdrawals / f"{withdrawal.number:04d}.json"
    write_json(place, withdrawal.model_dump(mode="json"))
    return place


def mark_releases(ledger: Ledger, withdrawals: Iterable[Withdrawal]) -> int:
    """Enter the marks that the register lacks (a new one, or all after a loss); returns how many."""
    with ledger.database.write() as connection:
        tags = set(connection.execute(select(ReleaseRow.tag)).scalars())
        known = set(connection.execute(select(WithdrawalRow.number, WithdrawalRow.release)).tuples().all())
        rows = [
            {"number": one.number, "release": tag, "at": one.at, "series": held.series, "instances": held.instances}
            for one in withdrawals
            for tag, held in sorted(one.releases.items())
            if tag in tags and (one.number, tag) not in known
        ]
        if rows:
            put_rows(connection, WithdrawalRow, rows)
            enter(connection, [("release.incomplete", {"release": row["release"]}) for row in rows])
        return len(rows)


def incomplete(workspace: Workspace) -> dict[str, Held]:
    """How much is gone of each release that somebody withdrew from, by its tag. Reads the committed records alone."""
    gone: dict[str, Held] = {}
    for withdrawal in read_withdrawals(workspace):
        for tag, held in withdrawal.releases.items():
            gone[tag] = gone[tag] + held if tag in gone else held
    return gone


def commit_now(workspace: Workspace, commit: str) -> str:
    """The commit that took the place of `commit` when git's history was rewritten; itself where it stayed."""
    for withdrawal in read_withdrawals(workspace):
        commit = withdrawal.commits.get(commit, commit)
    return commit


def told(tag: str, held: Held) -> str:
    """The mark of a release in one line."""
    return (
        f"{tag} is incomplete: {held.instances} instances in {held.series} series were withdrawn and their bytes "
        "deleted, so DVC cannot bring it back whole; use a later release"
    )


def refuse_incomplete(workspace: Workspace, tag: str) -> None:
    """Raise `ContractViolation` where somebody withdrew from the release: for training on it or reproducing it."""
    if held := incomplete(workspace).get(tag):
        raise ContractViolation(told(tag, held))

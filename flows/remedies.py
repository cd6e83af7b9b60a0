"""What is stuck, and what moves it: a command, or what has to be done outside of Sluice."""

from __future__ import annotations

from tasks.core.models import Frozen
from tasks.core.reasons import Disposition, Reason

GO_ON = "sluice run"


class Stuck(Frozen):
    """Something that doesn't move by itself, or waits: of how many series and instances, why, and what moves it.

    `command` is None where it waits for somebody at work, or where the remedy isn't a command.
    """

    what: str
    series: int | None
    instances: int | None
    why: str
    remedy: str
    command: str | None


JUDGED_BY_EVERY_LOOK = frozenset(
    {
        Reason.NOT_DICOM,
        Reason.EMPTY_FILE,
        Reason.MEDIA_DIRECTORY,
        Reason.LINK_OUTSIDE,
        Reason.DUPLICATE_BYTES,
        Reason.PATIENT_COLLISION,
        Reason.SHORT_OF_PACS,
        Reason.DELETED_AT_SOURCE,
    }
)
"""Reasons that only the source or the parameters can take away: each run that lists everything judges them anew."""

_COMMANDS = {Reason.SHORT_OF_PACS: "sluice pull"}


def command_of(reason: Reason) -> str | None:
    """The command that lets instances refused for `reason` in again, once its remedy is done; None where none does."""
    if reason in _COMMANDS:
        return _COMMANDS[reason]
    if reason in JUDGED_BY_EVERY_LOOK:
        return "sluice run" if reason.disposition is Disposition.QUARANTINED else None
    return f"sluice retry {reason.code} && sluice run" if reason.disposition is Disposition.QUARANTINED else None

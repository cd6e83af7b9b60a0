"""Copying DVC's bytes to the remote of `record.remote` (a directory, SSH or S3), and knowing which releases are there.

How far it came is a cursor of the register for each dataset and remote: the number of the last release that arrived.
"""

from __future__ import annotations

import configparser
import hashlib

from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.releases.records import Record, read_records
from tasks.record.releases.shell import dvc, git

NAME = "sluice"
"""What DVC calls the remote."""

_EXTRAS = ("dvc-ssh", "dvc-s3")


def unpushed(workspace: Workspace, ledger: Ledger) -> tuple[Record, ...]:
    """The releases that are not known to be at the remote, oldest first; none where no remote is set."""
    if not workspace.settings.record.remote:
        return ()
    arrived = ledger.cursor(_cursor(workspace)) or 0
    return tuple(
        record for record in read_records(workspace, workspace.settings.export.name) if record.number > arrived
    )


def push(workspace: Workspace, ledger: Ledger) -> tuple[str, ...]:
    """Send what the remote lacks of the releases; returns their tags. Doing it again sends nothing.

    Raises `TransientSourceError` when the remote cannot be reached or refuses, `ConfigurationError` when none is set
    or DVC lacks the plug-in for it.
    """
    if not workspace.settings.record.remote:
        raise ConfigurationError("there is no remote: set record.remote in params.yaml to a directory, ssh:// or s3://")
    waiting = unpushed(workspace, ledger)
    if not waiting:
        return ()
    configure(workspace)
    try:
        dvc(workspace.root, "push", "--remote", NAME, *_what(workspace, waiting))
    except ConfigurationError as error:
        missing = [extra for extra in _EXTRAS if extra in str(error) or extra.replace("-", "_") in str(error)]
        if missing:
            extra = missing[0].removeprefix("dvc-")
            raise ConfigurationError(f"this remote needs a plug-in of DVC: pip install 'sluice[{extra}]'") from None
        raise TransientSourceError(
            f"{waiting[-1].tag} is published but not at the remote yet ({error}): `sluice release push` sends it"
        ) from None
    ledger.set_cursor(_cursor(workspace), waiting[-1].number)
    return tuple(record.tag for record in waiting)


def _what(workspace: Workspace, waiting: tuple[Record, ...]) -> list[str]:
    """Which of DVC's bytes: those of the workspace as it stands, where that is the one release that waits; else all."""
    lock = workspace.root / "dvc.lock"
    at_tag = git(workspace.root, "show", f"{waiting[-1].tag}:./dvc.lock", check=False)
    current = lock.exists() and lock.read_text(encoding="utf-8") == at_tag
    return [] if current and len(waiting) == 1 else ["--all-tags"]


def configure(workspace: Workspace) -> None:
    """Let DVC know the remote by its name.

    In .dvc/config, which releases commit, so that a clone can `dvc pull` at once; and in config.local, since DVC reads
    a tag with the configuration at that tag, and would pass over releases that are older than the remote.
    """
    url = workspace.settings.record.remote
    if not url:
        return
    if "://" not in url:
        url = str(workspace.resolve(url).resolve())
    for file, *level in (("config",), ("config.local", "--local")):
        config = configparser.ConfigParser(interpolation=None, strict=False)
        config.read(workspace.root / ".dvc" / file, encoding="utf-8")
        known = config.get(f"'remote \"{NAME}\"'", "url", fallback="")
        if known and "://" not in known:
            known = str((workspace.root / ".dvc" / known).resolve())
        if known != url:
            dvc(workspace.root, "remote", "add", *level, "--force", "--default", NAME, url)


def _cursor(workspace: Workspace) -> str:
    """The cursor's name. Of the address only a digest: the register is read by people whom it doesn't concern."""
    where = hashlib.sha256(workspace.settings.record.remote.encode()).hexdigest()[:16]
    return f"pushed:{workspace.settings.export.name}:{where}"

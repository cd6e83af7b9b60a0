"""The name of a process that holds leases, and whether that process is certainly gone.

A name holds a digest of the machine's boot and process namespace, the process number, when it started, and a random
part: `m0123456789ab/4711/88221/9f3c21aa`. It names no machine and no person.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

_PROC = Path("/proc")


def new_holder() -> str:
    """A name for this process, different each time."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid) or 0}/{secrets.token_hex(4)}"


def is_gone(holder: str) -> bool:
    """Whether the process of `holder` has certainly ended: it ran on this machine since its boot, and no longer does.

    False where that can't be known, as of another machine: there a lease's end decides.
    """
    parts = holder.split("/")
    if len(parts) != 4 or parts[0] != _machine() or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    if _PROC.joinpath("self").exists():
        return _started(pid) != parts[2]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def described(holder: str) -> str:
    """Where the process of `holder` is, in words."""
    parts = holder.split("/")
    if len(parts) == 4 and parts[0] == _machine():
        return f"process {parts[1]} of this machine"
    return "another machine"


def _machine() -> str:
    """This boot of this machine, and this process namespace: only within them a process number means something."""
    facts = [os.uname().nodename]
    boot, space = _PROC / "sys/kernel/random/boot_id", _PROC / "self/ns/pid"
    if boot.exists():
        facts.append(boot.read_text(encoding="ascii").strip())
    if space.is_symlink():
        facts.append(str(space.readlink()))
    return "m" + hashlib.sha256("\0".join(facts).encode()).hexdigest()[:12]


def _started(pid: int) -> str | None:
    """When `pid` started, in ticks since boot; None where there is no such process, or only its unburied rest."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return None if fields[0] in ("Z", "X") else fields[19]

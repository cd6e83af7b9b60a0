"""Who listens where, and what stands on command lines: read from /proc, as an attacker on the machine would."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
_LISTENING = "0A"


def descendants(pid: int) -> list[int]:
    """`pid` and all processes below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(FileNotFoundError):
            for task in (PROC / str(parent) / "task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """The (address, port) of every TCP socket on which one of `pids` waits for connections."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    return {(address, port) for address, port, inode in _table() if inode in inodes}


def command_lines(pids: list[int]) -> bytes:
    """What every user of the machine can read about `pids`."""
    lines = b""
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines += (PROC / str(pid) / "cmdline").read_bytes() + b"\n"
    return lines


def other_address() -> str | None:
    """An address of this machine that isn't loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: the kernel only chooses a way
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if ipaddress.ip_address(address).is_loopback else address


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError):
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                name = str(descriptor.readlink())
                if name.startswith("socket:["):
                    yield name[8:-1]


def _table() -> Iterator[tuple[str, int, str]]:
    for name in ("tcp", "tcp6"):
        table = PROC / "net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = line.split()
            if fields[3] == _LISTENING:
                address, port = fields[1].split(":")
                yield _address(address), int(port, 16), fields[9]


def _address(text: str) -> str:
    """The kernel writes each 32-bit word in the machine's own order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))

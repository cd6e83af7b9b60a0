"""What a worker process does to verify: say who a source file is, and look for what identifies in an output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tasks.core.entry import quiet_libraries
from tasks.core.errors import UnitError
from tasks.core.pseudonyms import Pseudonymiser, load_key
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.bulk.crew import in_time
from tasks.deidentify.bulk.unwrap import GZIP, unwrapped
from tasks.deidentify.bulk.walk import Entry
from tasks.deidentify.headers.opened import open_file
from tasks.deidentify.headers.source import FileSource
from tasks.deidentify.parts import whole
from tasks.deidentify.residual.check import ResidualCheck
from tasks.deidentify.rules.profile import Profile

UNREADABLE = "cannot be read"


@dataclass(frozen=True, repr=False)
class Comparison:
    """What is the same for all batches of a verification."""

    source: str
    target: str
    settings: DeidentifySettings
    key_file: Path


class Identity(NamedTuple):
    """Who a source file is. `sop` is the source's own and stays in memory; `refused` is set where it is no instance."""

    sop: str = ""
    new_sop: str = ""
    patient: str = ""
    shift: int = 0
    refused: str = ""


class Pair(NamedTuple):
    """A source file and an output to be compared with it."""

    locator: str
    output: str
    number: int  # of the output
    shift: int


def identify_batch(plan: Comparison, batch: tuple[Entry, ...]) -> list[Identity]:
    """Read the identity of each source file."""
    pseudonymiser = _tools(plan).pseudonymiser
    return [_identity(plan, entry, pseudonymiser) for entry in in_time(batch)]


def check_batch(plan: Comparison, batch: tuple[Pair, ...]) -> list[tuple[str, ...]]:
    """The kinds of identifiers that each output still holds; () where it is clean."""
    check = _tools(plan).check
    return [_residue(plan, pair, check) for pair in in_time(batch)]


def _identity(plan: Comparison, entry: Entry, pseudonymiser: Pseudonymiser) -> Identity:
    if entry.reason is not None:
        return Identity(refused=entry.reason.code)
    try:
        with _opened(plan, entry.locator) as path:
            return _read(path, pseudonymiser)
    except UnitError as error:
        return Identity(refused=error.reason.code)
    except OSError:
        return Identity(refused=Reason.TRANSFER_FAILED.code)


def _read(path: Path, pseudonymiser: Pseudonymiser) -> Identity:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        opened = open_file(FileSource(path, descriptor, os.fstat(descriptor).st_size))
        patient_id, study = opened.patient_id, opened.study
        return Identity(
            opened.sop,
            pseudonymiser.uid(opened.sop),
            pseudonymiser.patient(patient_id, study),
            pseudonymiser.shift_days(patient_id, study),
        )
    finally:
        os.close(descriptor)


def _residue(plan: Comparison, pair: Pair, check: ResidualCheck) -> tuple[str, ...]:
    try:
        with _opened(plan, pair.locator) as source:
            output = Path(f"{plan.target}/{pair.output}")
            return check.residue(whole(source), whole(output), pair.output, pair.shift)
    except (UnitError, OSError, ValueError):
        return (UNREADABLE,)


@contextmanager
def _opened(plan: Comparison, locator: str) -> Iterator[Path]:
    """A path to the bytes of a source file, without their wrapper if they have one."""
    path = Path(f"{plan.source}/{locator}")
    with path.open("rb") as handle:
        head = handle.read(132)
    if head[128:] == b"DICM" or not head.startswith(GZIP):
        yield path
        return
    with unwrapped(path) as inside:
        yield inside


@dataclass(frozen=True, repr=False)
class _Tools:
    pseudonymiser: Pseudonymiser
    check: ResidualCheck


_current: list[tuple[Comparison, _Tools]] = []


def _tools(plan: Comparison) -> _Tools:
    if not _current or _current[0][0] != plan:
        quiet_libraries()  # once more: pydicom sets its own level when it is imported, and its warnings quote values
        profile = Profile.of(plan.settings)
        tools = _Tools(Pseudonymiser(load_key(plan.key_file)), ResidualCheck(profile.retained, profile.dates))
        _current[:] = [(plan, tools)]
    return _current[0][1]

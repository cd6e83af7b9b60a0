"""What a worker process does with a batch: each file de-identified, written beside its place and renamed into it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tasks.core.entry import quiet_libraries
from tasks.core.errors import UnitError
from tasks.core.pseudonyms import Pseudonymiser, load_key
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.bulk.crew import in_time
from tasks.deidentify.bulk.journal import Row
from tasks.deidentify.bulk.place import header_of, name_of, path_of
from tasks.deidentify.bulk.target import WORK
from tasks.deidentify.bulk.unwrap import unwrapped
from tasks.deidentify.bulk.walk import Entry
from tasks.deidentify.mapping import Pairs, Recorder
from tasks.deidentify.parts import write

if TYPE_CHECKING:
    from tasks.deidentify.file import Outcome

_MOST_FOLDERS = 10_000


@dataclass(frozen=True, repr=False)
class Plan:
    """What is the same for all batches of a run; paths are text, since a file has no time for more."""

    source: str
    target: str
    layout: str
    settings: DeidentifySettings
    key_file: Path
    recording: bool


class Done(NamedTuple):
    """What became of a file, and what was recorded for the mapping since the last one."""

    row: Row
    uids: Pairs = ()
    patients: Pairs = ()


def deidentify_batch(plan: Plan, batch: tuple[Entry, ...]) -> list[Done]:
    """De-identify as much of a batch as there is time for. Raises `OSError` where the target cannot be written."""
    worker = _worker(plan)
    return [worker.do(entry) for entry in in_time(batch)]


def stamp_of(pseudonymiser: Pseudonymiser, item: str, entry: Entry) -> str:
    """A keyed digest of a file's size and time, which tell whether it changed since an interrupted run."""
    return pseudonymiser.fingerprint("source file", item, str(entry.size), str(entry.changed))


class Worker:
    """One process of a run; keeps what the deidentifier learned, and which folders exist."""

    def __init__(self, plan: Plan) -> None:
        from tasks.deidentify.file import Deidentifier  # the parent imports this module and does not need the engine

        quiet_libraries()  # once more: pydicom sets its own level when it is imported, and its warnings quote values
        self.plan = plan
        key = load_key(plan.key_file)
        self.pseudonymiser = Recorder(key) if plan.recording else Pseudonymiser(key)
        self.deidentifier = Deidentifier(plan.settings, self.pseudonymiser)
        self._draft = f"{plan.target}/{WORK}/{os.getpid()}.draft"
        self._scratch = Path(f"{plan.target}/{WORK}")
        self._folders: set[str] = set()

    def do(self, entry: Entry) -> Done:
        """One file, whatever it is."""
        item = self.pseudonymiser.item(entry.locator)
        row = Row(entry.number, item, stamp_of(self.pseudonymiser, item, entry))
        if entry.reason is not None:
            return Done(row._replace(reason=entry.reason.code))
        path = Path(f"{self.plan.source}/{entry.locator}")
        try:
            row = self._file(path, row)
            if row.reason == Reason.NOT_DICOM.code:
                with unwrapped(path) as inside:
                    row = self._file(inside, row)
        except UnitError as error:
            row = row._replace(reason=error.reason.code)
        if isinstance(self.pseudonymiser, Recorder):
            return Done(row, *self.pseudonymiser.take())
        return Done(row)

    def _file(self, path: Path, row: Row) -> Row:
        try:
            outcome = self.deidentifier.deidentify(path, row.item, scratch=self._scratch)
        except OSError:  # nothing is written yet, so it is the source
            return row._replace(reason=Reason.TRANSFER_FAILED.code)
        if outcome.reason is not None:
            sop = self.pseudonymiser.uid(outcome.source_sop) if outcome.source_sop else ""
            leaf = name_of(self.plan.layout, sop) if sop else ""
            return row._replace(reason=outcome.reason.code, sop=sop, leaf=leaf, notes=" ".join(outcome.notes))
        header = header_of(outcome.parts)
        place = path_of(self.plan.layout, outcome.patient, header, outcome.sop)
        row = row._replace(
            reason="",
            sop=outcome.sop,
            leaf=place.rpartition("/")[2],
            path=place,
            sop_class=header.sop_class,
            notes=" ".join(outcome.notes),
        )
        if not self._write(path, outcome, place):
            return row._replace(reason=Reason.INCOMPLETE.code, path="", notes="")
        return row

    def _write(self, source: Path, outcome: Outcome, place: str) -> bool:
        """Whether it was written; False where the source gave way. Raises `OSError` where the target did."""
        folder = f"{self.plan.target}/{place.rpartition('/')[0]}"
        if folder not in self._folders:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            if len(self._folders) >= _MOST_FOLDERS:
                self._folders.clear()
            self._folders.add(folder)
        try:
            write(outcome.parts, Path(self._draft))
            os.rename(self._draft, f"{self.plan.target}/{place}")  # noqa: PTH104
        except OSError as error:
            Path(self._draft).unlink(missing_ok=True)
            if error.errno is None or not _is_readable(source):
                return False
            raise
        finally:
            for temporary in outcome.temporary:
                temporary.unlink(missing_ok=True)
        return True


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            handle.seek(-1, os.SEEK_END)
            return bool(handle.read(1))
    except OSError:
        return False


_current: list[tuple[Plan, Worker]] = []


def _worker(plan: Plan) -> Worker:
    """The worker of this process. A stop from the keyboard is for the parent, which lets a job come to its end."""
    if not _current or _current[0][0] != plan:
        if multiprocessing.parent_process() is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        _current[:] = [(plan, Worker(plan))]
    return _current[0][1]

"""A folder of DICOM into a folder of de-identified DICOM, by a pool of processes, whatever lies in it.

The rules of a run, in short. The target is empty or holds an earlier run by the same key and profile. Each file has one
outcome. An interrupted run goes on where it stopped: a file whose size and time are as they were then is not done
again. A finished one is done anew, which gives the same bytes; where the source changed since, what it says now stands.
Outputs of earlier runs that this source knows nothing of stay, and are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.files import told_plainly
from tasks.core.pool import WorkerPool
from tasks.core.pseudonyms import Pseudonymiser, load_key
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.bulk import crew
from tasks.deidentify.bulk.journal import Journal, Row
from tasks.deidentify.bulk.place import MEDIA
from tasks.deidentify.bulk.settle import settle_repeats, still_there, sweep
from tasks.deidentify.bulk.target import Target, open_target
from tasks.deidentify.bulk.walk import DIRECTORY, Entry, Origin, Survey, survey
from tasks.deidentify.bulk.work import Done, Plan, deidentify_batch, stamp_of
from tasks.deidentify.mapping import Mapping
from tasks.deidentify.report import Counts, check_report, facts_of, write_report

Told = Callable[[int, int, int], None]  # files in all, kept, refused


@dataclass(frozen=True, repr=False)
class Request:
    """What the user asked for. `dicomdir` True: the target as media with one; None: one where the source has one."""

    source: Path
    target: Path
    key_file: Path
    settings: DeidentifySettings
    workers: int
    mapping: Path | None = None
    report: Path | None = None
    dicomdir: bool | None = None


@dataclass(frozen=True)
class Result:
    """What a run did. `strangers` are outputs of earlier runs that this source has nothing to do with.

    `listed` is how many instances the DICOMDIR has; None where there is none.
    """

    counts: Counts
    strangers: int
    listed: int | None


def deidentify_folder(request: Request, told: Told = lambda *_: None) -> Result:
    """Do what is asked; `told` hears of progress. Raises `ConfigurationError` with one line for whatever is amiss."""
    pseudonymiser = Pseudonymiser(load_key(request.key_file))
    facts = facts_of(request.settings, pseudonymiser)
    origin = Origin.of(request.source)
    _keep_apart(request, origin)
    found = survey(origin)
    if not found.entries:
        raise ConfigurationError(f"there is no file in {request.source}: name a folder of DICOM")
    if request.report:
        check_report(request.report)
    with ExitStack() as stack:
        mapping = None
        if request.mapping:
            mapping = stack.enter_context(Mapping(request.mapping, request.target.resolve(), pseudonymiser))
        target = open_target(request.target, origin, facts, media=request.dicomdir)
        stack.enter_context(target.held())
        stack.enter_context(told_plainly(target.root))
        result = _Run(request, origin, found, target, pseudonymiser, mapping, told).finish(facts)
        target.finish()
    return result


class _Run:
    """One run over a target that is held."""

    def __init__(
        self,
        request: Request,
        origin: Origin,
        found: Survey,
        target: Target,
        pseudonymiser: Pseudonymiser,
        mapping: Mapping | None,
        told: Told,
    ) -> None:
        self.request, self.origin, self.found, self.target = request, origin, found, target
        self.pseudonymiser, self.mapping, self.told = pseudonymiser, mapping, told
        self.kept = self.refused = 0
        self.processes = max(1, min(request.workers, found.entries))

    def finish(self, facts: dict[str, object]) -> Result:
        """Work off the source, then settle, sweep, list and tell."""
        target = self.target
        # Without the headers there is no mapping, so a run that writes one looks at every file itself.
        with Journal(target.work / "journal", resume=self.mapping is None) as journal:
            with WorkerPool(self.processes) as pool:
                self._work(journal, pool)
                settle_repeats(journal, self.origin, target, pool, self.processes)
            strangers = sweep(journal, target) if target.earlier else 0
            listed = self._list()
            counts = Counts.of(journal)
            if self.mapping:
                self.mapping.write(self._files(journal))
            if self.request.report:
                write_report(self.request.report, facts, counts, journal.rows())
        return Result(counts, strangers, listed)

    def _list(self) -> int | None:
        """Write the DICOMDIR anew, if there is to be one."""
        root, wanted = self.target.root, self.request.dicomdir
        if wanted is False:
            (root / DIRECTORY).unlink(missing_ok=True)
            return None
        if not (self.target.layout == MEDIA or self.found.has_directory or (root / DIRECTORY).exists()):
            return None
        from tasks.deidentify.directory import write_directory  # rare, and pydicom's writer takes time to import

        return write_directory(root, self.target.outputs(), self.pseudonymiser)

    def _work(self, journal: Journal, pool: WorkerPool) -> None:
        request, mapping = self.request, self.mapping
        plan = Plan(
            str(self.origin.root),
            str(self.target.root),
            self.target.layout,
            request.settings,
            request.key_file.resolve(),
            mapping is not None,
        )
        entries = self._unfinished(journal) if journal.resumes else self.origin.walk()
        batches = crew.cut(entries, crew.batch_size(self.found.entries, self.processes))
        for results in crew.spread(pool, self.processes, deidentify_batch, plan, batches):
            done = [self._fatal(entry) if done is None else done for entry, done in results]
            if mapping:
                for one in done:
                    mapping.add(one.uids, one.patients)
            journal.add(one.row for one in done)
            self._count(one.row for one in done)

    def _unfinished(self, journal: Journal) -> Iterator[Entry]:
        """The files that an interrupted run did not do, or that changed since, or whose output is gone."""
        for entry in self.origin.walk():
            item = self.pseudonymiser.item(entry.locator)
            row = journal.former(item, stamp_of(self.pseudonymiser, item, entry))
            if row is None or not still_there(row.path, self.target):
                yield entry
                continue
            journal.add([row._replace(number=entry.number)])
            self._count([row])

    def _fatal(self, entry: Entry) -> Done:
        """The outcome of a file that killed its process."""
        item = self.pseudonymiser.item(entry.locator)
        stamp = stamp_of(self.pseudonymiser, item, entry)
        return Done(Row(entry.number, item, stamp, Reason.DEIDENTIFY_FAILED.code))

    def _count(self, rows: Iterator[Row] | list[Row]) -> None:
        for row in rows:
            if row.reason:
                self.refused += 1
            else:
                self.kept += 1
        self.told(self.found.entries, self.kept, self.refused)

    def _files(self, journal: Journal) -> Iterator[tuple[str, str, str]]:
        """(path, item, outcome) of each file, found by its number; for the mapping, since a path may name a patient."""
        for entry, row in zip(self.origin.walk(), journal.rows(), strict=False):
            if row.item == self.pseudonymiser.item(entry.locator):
                yield entry.locator, row.item, row.reason or "kept"


def _keep_apart(request: Request, origin: Origin) -> None:
    """The key must not go where the output goes, nor anything that is written into the source."""
    if request.key_file.resolve().is_relative_to(request.target.resolve()):
        raise ConfigurationError("the key must not lie in the output, which others will read: move it elsewhere")
    for place in (request.mapping, request.report):
        if place and not origin.single and place.resolve().is_relative_to(origin.root):
            raise ConfigurationError(f"{place} lies in the source, which is only read: name a place outside of it")

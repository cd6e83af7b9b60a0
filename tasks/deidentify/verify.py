"""The residual check alone: every output against the source file it was made from, whoever made it.

Which output belongs to a source file its SOPInstanceUID tells: the new one by the key, or by the `uid.csv` of a
mapping, or the old one where it was left. What matches nothing can be compared with one file of each patient
(`everyone`). Nothing is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.pool import WorkerPool
from tasks.core.pseudonyms import Pseudonymiser, load_key
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.bulk import crew
from tasks.deidentify.bulk.compare import Comparison, Identity, Pair, check_batch, identify_batch
from tasks.deidentify.bulk.place import sop_of
from tasks.deidentify.bulk.target import files_in, read_statement
from tasks.deidentify.bulk.walk import DIRECTORY, Origin, survey
from tasks.deidentify.mapping import read_pairs
from tasks.deidentify.report import facts_of
from tasks.deidentify.rules.files import load_profile
from tasks.deidentify.rules.profile import PRESETS

Told = Callable[[int, int, int], None]  # source files in all, compared, with residue
CRASHED = "ends the process that reads it"


@dataclass(frozen=True, repr=False)
class Question:
    """What is to be verified. `settings` None: by the profile that the target names."""

    source: Path
    target: Path
    key_file: Path
    settings: DeidentifySettings | None
    workers: int
    mapping: Path | None = None
    everyone: bool = False


@dataclass
class Answer:
    """What was found. `kinds` are counted by output, `hits` are the outputs concerned, by their number in order.

    `ours`: the target was made by `sluice deidentify`, so its paths identify nobody.
    """

    sources: int = 0
    outputs: int = 0
    compared: int = 0
    missing: int = 0
    skipped: int = 0
    unmatched: int = 0
    ours: bool = False
    kinds: dict[str, int] = field(default_factory=dict)
    hits: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)


def verify_folder(question: Question, told: Told = lambda *_: None) -> Answer:
    """Compare; raises `ConfigurationError` where nothing can be compared, or by another key than the target's."""
    pseudonymiser = Pseudonymiser(load_key(question.key_file))
    origin, place = Origin.of(question.source), Origin.of(question.target)
    if place.single:
        raise ConfigurationError(f"{question.target} is a file: name the folder of the outputs")
    stated = read_statement(place.root)
    settings = question.settings or _profile_of(stated)
    if stated is not None:
        _agree(stated, facts_of(settings, pseudonymiser), question)
    plan = Comparison(str(origin.root), str(place.root), settings, question.key_file.resolve())
    with closing(_index(place.root, ours=stated is not None)) as index:
        return _Verification(plan, origin, index, question, told, ours=stated is not None).answer()


class _Verification:
    """One comparison of a source with a target."""

    def __init__(
        self,
        plan: Comparison,
        origin: Origin,
        index: sqlite3.Connection,
        question: Question,
        told: Told,
        *,
        ours: bool,
    ) -> None:
        self.plan, self.origin, self.index, self.told = plan, origin, index, told
        self.everyone = question.everyone
        self.mapped = _uids_of(question.mapping) if question.mapping else {}
        self.found = Answer(survey(origin).entries, _one(index, "SELECT COUNT(*) FROM outputs"), ours=ours)
        self.processes = max(1, min(question.workers, self.found.sources))
        self.matched = bytearray(self.found.outputs + 1)
        self.patients: dict[str, tuple[str, int]] = {}  # a source file and the shift of each; only for `everyone`

    def answer(self) -> Answer:
        """Compare what matches, then what doesn't if that is wanted."""
        found, size = self.found, crew.batch_size(self.found.sources, self.processes)
        with WorkerPool(self.processes) as pool:
            self._check(pool, crew.cut(self._pairs(pool, size), size))
            found.compared = sum(self.matched)
            found.unmatched = found.outputs - found.compared
            if self.everyone and found.unmatched:
                self._check(pool, crew.cut(self._strangers(), crew.MOST))
                found.unmatched = 0
        if not found.compared and not self.everyone:
            raise ConfigurationError(
                f"none of the {found.outputs} outputs belongs to a source file under this key: check --key-file, "
                "or name the `uid.csv` of their mapping with --mapping, or use --everyone"
            )
        return found

    def _pairs(self, pool: WorkerPool, size: int) -> Iterator[Pair]:
        """Each source file with the outputs that were made from it."""
        batches = crew.cut(self.origin.walk(), size)
        for results in crew.spread(pool, self.processes, identify_batch, self.plan, batches):
            for entry, identity in results:
                if identity is None or identity.refused:
                    self.found.skipped += 1
                    continue
                if self.everyone:
                    self.patients.setdefault(identity.patient, (entry.locator, identity.shift))
                outputs = self._outputs_of(identity)
                self.found.missing += not outputs
                for number, path in outputs:
                    self.matched[number] = 1
                    yield Pair(entry.locator, path, number, identity.shift)

    def _outputs_of(self, identity: Identity) -> list[tuple[int, str]]:
        for sop in (identity.new_sop, self.mapped.get(identity.sop, ""), identity.sop):
            found = (
                self.index.execute("SELECT number, path FROM outputs WHERE sop = ?", (sop,)).fetchall() if sop else []
            )
            if found:
                return found
        return []

    def _strangers(self) -> Iterator[Pair]:
        """Each output that matches no source file, with one file of each patient."""
        for number, path in self.index.execute("SELECT number, path FROM outputs ORDER BY number"):
            if not self.matched[number]:
                for locator, shift in self.patients.values():
                    yield Pair(locator, path, number, shift)

    def _check(self, pool: WorkerPool, batches: Iterable[tuple[Pair, ...]]) -> None:
        done = 0
        for results in crew.spread(pool, self.processes, check_batch, self.plan, batches):
            for pair, kinds in results:
                done += 1
                if kinds is None:
                    kinds = (CRASHED,)
                if kinds:
                    _, before = self.found.hits.get(pair.number, ("", ()))
                    self.found.hits[pair.number] = (pair.output, tuple(sorted({*before, *kinds})))
            self.told(self.found.sources, done - len(self.found.hits), len(self.found.hits))
        self.found.kinds = {}
        for _, kinds in self.found.hits.values():
            for kind in kinds:
                self.found.kinds[kind] = self.found.kinds.get(kind, 0) + 1


def _index(root: Path, *, ours: bool) -> sqlite3.Connection:
    """The outputs by SOPInstanceUID, in a temporary file without a name: they may be many.

    Our own DICOMDIR is left out: it was made from the outputs, so it tells no more than they do.
    """
    index = sqlite3.connect("")
    index.execute("CREATE TABLE outputs (number INTEGER PRIMARY KEY, path TEXT, sop TEXT)")
    paths = (path for path in files_in(root) if path != DIRECTORY or not ours)
    index.executemany("INSERT INTO outputs VALUES (NULL, ?, ?)", ((path, sop_of(root / path)) for path in paths))
    index.execute("CREATE INDEX by_sop ON outputs (sop)")
    return index


def _profile_of(stated: dict[str, object] | None) -> DeidentifySettings:
    profile = (stated or {}).get("profile")
    name = profile.get("name") if isinstance(profile, dict) else None
    return load_profile(name if name in PRESETS else "basic")


def _agree(stated: dict[str, object], facts: dict[str, object], question: Question) -> None:
    if stated.get("key") != facts["key"]:
        raise ConfigurationError(
            f"{question.target} was made with another key ({stated.get('key')}, this one is {facts['key']}): "
            "name that key with --key-file"
        )
    if stated.get("profile") != facts["profile"]:
        raise ConfigurationError(
            f"{question.target} was made by another profile: name the one it was made by with --profile"
        )


def _uids_of(mapping: Path) -> dict[str, str]:
    path = mapping / "uid.csv" if mapping.is_dir() else mapping
    if not path.is_file():
        raise ConfigurationError(f"there is no {path}: name the folder or the uid.csv of a mapping")
    return dict(read_pairs(path))


def _one(base: sqlite3.Connection, query: str) -> int:
    return int(base.execute(query).fetchone()[0])

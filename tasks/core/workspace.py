"""Where things lie: a workspace is a directory with params.yaml, dvc.yaml, expectations/ and data/ (its zones)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tasks.core import guard
from tasks.core.errors import ConfigurationError, Occupied
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import Settings, load_settings
from tasks.core.turns import is_held, turn

VARIABLE = "SLUICE_WORKSPACE"
_PROBED = 5.0  # seconds: somebody may just look whether the desk is taken
_OLD = 86400.0


@dataclass(frozen=True)
class Workspace:
    """The places of one workspace. Cheap to make and to pickle; nothing is read until it is asked for.

    `desk` is the name of a run that has a part of quarantine to itself (`at_desk`).
    """

    root: Path
    desk: str = ""

    @classmethod
    def find(cls, root: Path | str | None = None) -> Workspace:
        """The workspace at `root`, else at $SLUICE_WORKSPACE, else here; it must have params.yaml."""
        place = Path(root or os.environ.get(VARIABLE) or ".").resolve()
        if not (place / "params.yaml").is_file():
            raise ConfigurationError(
                f"{place} is no workspace (it has no params.yaml): make one with `sluice init {place}`"
            )
        return cls(place)

    @property
    def params(self) -> Path:
        """params.yaml."""
        return self.root / "params.yaml"

    @property
    def data(self) -> Path:
        """All zones."""
        return self.root / "data"

    @property
    def quarantine(self) -> Path:
        """Identified bytes of work in progress; mode 0700, never versioned."""
        return self.data / "quarantine" / self.desk

    @property
    def vault(self) -> Path:
        """The key and the services' passwords; mode 0700, never versioned."""
        return self.data / "vault"

    @property
    def scratch(self) -> Path:
        """Pseudonymous progress of a stage, so that it can resume; may be deleted at any time."""
        return self.data / "scratch"

    @property
    def deidentified(self) -> Path:
        """One ZIP a series, and the tables of records."""
        return self.data / "deidentified"

    @property
    def images(self) -> Path:
        """PNG by modality, with instances and series tables."""
        return self.data / "images"

    @property
    def curated(self) -> Path:
        """The index tables of the next release."""
        return self.data / "curated"

    @property
    def gates(self) -> Path:
        """Verdicts of the gates (versioned)."""
        return self.data / "gates"

    @property
    def docs(self) -> Path:
        """Great Expectations' data docs as HTML (not versioned: they carry the time of the run)."""
        return self.data / "docs"

    @property
    def look(self) -> Path:
        """Contact sheets and a page that shows them, from de-identified pixels (not versioned, not released)."""
        return self.data / "look"

    @property
    def dataset(self) -> Path:
        """The release, in a folder of its name."""
        return self.data / "dataset" / self.settings.export.name

    @property
    def register(self) -> Path:
        """The SQLite register, where no other database is set."""
        return self.data / "register" / "register.db"

    @property
    def services(self) -> Path:
        """What Orthanc, Prefect and MLflow keep, where Sluice starts them."""
        return self.data / "services"

    @property
    def cohort_lock(self) -> Path:
        """The frozen cohort; pseudonymous and committed."""
        return self.data / "cohort.lock"

    @property
    def splits_lock(self) -> Path:
        """Which patient belongs to which split, for good; pseudonymous and committed."""
        return self.data / "splits.lock"

    @property
    def waivers(self) -> Path:
        """The rules of gates that were waived, each for one release; committed."""
        return self.data / "waivers.json"

    @property
    def releases(self) -> Path:
        """One committed JSON a release: its digests, gates, flow run and commit."""
        return self.data / "releases"

    @property
    def withdrawals(self) -> Path:
        """One committed JSON a withdrawal: when, how much, and which releases are incomplete since; never who."""
        return self.data / "withdrawals"

    @property
    def cohorts(self) -> Path:
        """One committed text a saved cohort, with the pseudonymous ids that are in it."""
        return self.data / "cohorts"

    @property
    def expectations(self) -> Path:
        """The suites of this workspace."""
        return self.root / "expectations"

    @property
    def key_file(self) -> Path:
        """$SLUICE_KEY_FILE, else the vault's key."""
        return Path(os.environ.get("SLUICE_KEY_FILE") or self.vault / "key")

    @cached_property
    def settings(self) -> Settings:
        """params.yaml, checked."""
        return load_settings(self.params)

    @cached_property
    def pseudonymiser(self) -> Pseudonymiser:
        """The key's pseudonymiser."""
        if self.key_file.exists():
            guard.check_vault(self.vault)
        return Pseudonymiser.from_file(self.key_file)

    def resolve(self, path: str) -> Path:
        """`path` as params.yaml means it: relative to the workspace."""
        return self.root / path

    def prepare(self) -> None:
        """Make the zones, close the private ones to others, and refuse a place that cannot be written."""
        guard.harden()
        try:
            for zone in (self.quarantine, self.vault):
                zone.mkdir(parents=True, exist_ok=True, mode=0o700)
            guard.check_vault(self.vault)
            guard.close_quarantine(self.quarantine)
            self.register.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            for zone in (self.scratch, self.services, self.releases):
                zone.mkdir(parents=True, exist_ok=True)
            self.services.chmod(0o700)
            guard.close_register(self.register.parent)
        except OSError as error:
            raise ConfigurationError(
                f"cannot write under {self.data} ({error.strerror}): check its owner and the free space"
            ) from None
        for zone in (self.deidentified, self.images, self.curated, self.gates, self.docs, self.data / "dataset"):
            if zone.exists() and not zone.is_dir():
                raise ConfigurationError(f"cannot write {zone}: a file lies where a folder must be; move it away")
        if not os.access(self.data, os.W_OK | os.X_OK):
            raise ConfigurationError(f"cannot write under {self.data}: check its owner and permissions")

    @contextmanager
    def lock(self, *, shared: bool = False, patience: float = 0.0) -> Iterator[None]:
        """Hold the workspace: alone to release, shared to work on its series. The lock goes with the process.

        Raises `Occupied` if it isn't free within `patience` seconds.
        """
        self.prepare()
        with ExitStack() as held:
            try:
                held.enter_context(turn(self.scratch / "run.lock", shared=shared, patience=patience))
            except BlockingIOError:
                raise Occupied(
                    f"another run is working in {self.root}: wait for it, or see it with `sluice status`"
                ) from None
            yield

    @contextmanager
    def at_desk(self, holder: str) -> Iterator[Workspace]:
        """This workspace with a quarantine of `holder`'s own, deleted at the end. As long as it lasts, it lives."""
        mine, place = replace(self, desk=_desk(holder)), self._desk_lock(_desk(holder))
        with turn(place, patience=_PROBED):
            mine.quarantine.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                yield mine
            finally:
                shutil.rmtree(mine.quarantine, ignore_errors=True)
                place.unlink(missing_ok=True)

    def is_at_desk(self, holder: str) -> bool:
        """Whether the run `holder` lives: the lock of its desk goes with its process, on any machine."""
        return is_held(self._desk_lock(_desk(holder)))

    def sweep_quarantine(self) -> int:
        """Delete identified bytes that interrupted runs left; returns how many places had some.

        What lies at the desk of a run that lives stays.
        """
        root = replace(self, desk="").quarantine
        left = [place for place in root.iterdir() if not is_held(self._desk_lock(place.name))] if root.is_dir() else []
        for place in left:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        return len(left)

    def sweep_drafts(self) -> int:
        """Delete half-written files that killed processes left; only for who holds the workspace alone."""
        closed = {self.data / "quarantine", self.vault, self.services, self.register.parent}
        zones = [zone for zone in self.data.iterdir() if zone.is_dir() and zone not in closed]
        left = [path for zone in zones for path in zone.rglob(".*.draft") if path.is_file()]
        left += [path for path in self.data.glob(".*.draft") if path.is_file()]
        for path in left:
            path.unlink(missing_ok=True)
        for lock in (self.scratch / "desks").glob("*.lock"):
            if time.time() - lock.stat().st_mtime > _OLD and not is_held(lock):
                lock.unlink(missing_ok=True)
        return len(left)

    def _desk_lock(self, name: str) -> Path:
        return self.scratch / "desks" / f"{name}.lock"


def _desk(holder: str) -> str:
    return holder.replace("/", "-")

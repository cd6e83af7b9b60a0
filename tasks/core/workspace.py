"""Where things lie: a workspace is a directory with params.yaml, dvc.yaml, expectations/ and data/ (its zones)."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import Settings, load_settings

VARIABLE = "SLUICE_WORKSPACE"


@dataclass(frozen=True)
class Workspace:
    """The places of one workspace. Cheap to make and to pickle; nothing is read until it is asked for."""

    root: Path

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
        return self.data / "quarantine"

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
    def releases(self) -> Path:
        """One committed JSON a release: its digests, gates, flow run and commit."""
        return self.data / "releases"

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
        return Pseudonymiser.from_file(self.key_file)

    def resolve(self, path: str) -> Path:
        """`path` as params.yaml means it: relative to the workspace."""
        return self.root / path

    def prepare(self) -> None:
        """Make the zones, close the private ones to others, and refuse a place that cannot be written."""
        try:
            for zone in (self.quarantine, self.vault):
                zone.mkdir(parents=True, exist_ok=True, mode=0o700)
                if stat.S_IMODE(zone.stat().st_mode) != 0o700:
                    zone.chmod(0o700)
            for zone in (self.scratch, self.register.parent, self.services, self.releases):
                zone.mkdir(parents=True, exist_ok=True)
            self.services.chmod(0o700)
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
    def lock(self) -> Iterator[None]:
        """Hold the workspace: one run at a time. The lock goes with the process, however it ends."""
        self.prepare()
        with (self.scratch / "run.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"another run is working in {self.root}: wait for it, or see it with `sluice status`"
                ) from None
            yield

    def sweep_quarantine(self) -> int:
        """Delete identified bytes that an interrupted run left; returns how many units had some."""
        left = list(self.quarantine.iterdir()) if self.quarantine.is_dir() else []
        for place in left:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        return len(left)

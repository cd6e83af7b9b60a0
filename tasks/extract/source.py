"""What a source of images is, and the plain values it speaks in. These hold identifiers: they never leave memory.

Their `repr` shows none, so that a traceback or a log line that quotes one tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from tasks.core.entry import quiet_libraries
from tasks.core.errors import SluiceError
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.extract.criteria import Criteria, Header


@dataclass(frozen=True, repr=False)
class Found:
    """An instance as the source lists it. `locator` is how the source finds it again; `size` is in bytes."""

    locator: str
    size: int
    sop_uid: str


@dataclass(frozen=True, repr=False)
class Series:
    """A series and the instances of it that can be taken, sorted by locator."""

    header: Header
    instances: tuple[Found, ...]


@dataclass(frozen=True, repr=False)
class Refused:
    """Something the source offers that cannot be taken. `header` is None where it could not be told what it is."""

    locator: str
    reason: Reason
    header: Header | None = None


@dataclass(frozen=True, repr=False)
class Listing:
    """What a source has that meets the criteria.

    `unstable` are series that are still arriving; `total` is how many series the source has, whatever the criteria;
    `cursor` is from where the change feed goes on next time (None: look at everything again). `present` are the keys
    of all series there that meet the criteria, also where the change feed left them out (None: only what is listed).
    `contested` are StudyInstanceUIDs under several PatientIDs. `restarted`: the change feed was of another database,
    so everything was listed.
    """

    series: tuple[Series, ...]
    refused: tuple[Refused, ...] = ()
    unstable: tuple[Header, ...] = ()
    total: int = 0
    cursor: int | None = None
    present: frozenset[tuple[str, str, str]] | None = None
    contested: frozenset[str] = frozenset()
    restarted: bool = False


@dataclass(frozen=True)
class Handle:
    """Where to fetch one item of the cohort. `item` is its pseudonym, `size` its bytes."""

    item: str
    locator: str = field(repr=False)
    size: int


class MissingAtSource(SluiceError):
    """The source listed an instance and no longer has it."""


class DamagedAtSource(SluiceError):
    """The wrapper that the instance is in cannot be read to its end."""


class Source(Protocol):
    """Where images come from. Methods may be called from several threads.

    They raise `ConfigurationError` for what the user must change, and `TransientSourceError` for what may pass.
    """

    def list_series(self, criteria: Criteria, *, since_change: int | None = None) -> Listing:
        """The series that meet `criteria`; with `since_change` only those that changed after it."""

    def list_studies(self, criteria: Criteria) -> Sequence[Header]:
        """One header for each study that meets `criteria` (its series attributes are those of any series or empty)."""

    def fetch(self, handle: Handle) -> Iterator[bytes]:
        """The bytes of an instance; raises `MissingAtSource` or `DamagedAtSource` as well."""

    def alive(self) -> bool:
        """Whether the source answers right now."""

    def close(self) -> None:
        """Let go of connections and open files."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(workspace: Workspace) -> Source:
    """The source that params.yaml names. Nothing is contacted before it is asked for something."""
    from tasks.extract.folder import FolderSource
    from tasks.extract.orthanc import OrthancSource

    quiet_libraries()
    settings = workspace.settings.extract
    if settings.source == "folder":
        return FolderSource.of(workspace)
    return OrthancSource.from_environment(settings)

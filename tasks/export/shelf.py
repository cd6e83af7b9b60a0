"""The tables of a release as Arrow, by its tag or as the dataset lies there, and what is to be said about it.

An older release is read from DVC's store: nothing is checked out. Asking them belongs into `catalog`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.columns import OPTIONAL, TABLES
from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.workspace import Workspace
from tasks.record.releases.records import Record, find_record, read_records
from tasks.record.releases.stored import Store
from tasks.record.withdrawals import incomplete, told

Arrow = Any
"""A pyarrow.Table; the library has no types."""


@dataclass(frozen=True)
class Shelf:
    """What a release holds. `tag` is None where it was never published; `warnings` are sentences for whoever asks."""

    tag: str | None
    content: str
    tables: Mapping[str, Arrow]
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is told."""
        return self.tag or f"the dataset {self.content[:12]}"


def open_shelf(workspace: Workspace, asked: str | None = None) -> Shelf:
    """The tables of the release that is `asked` for (as `find_record` knows it), else of data/dataset.

    Raises `ContractViolation` where DVC no longer holds them, `ConfigurationError` where there is no such release.
    """
    if asked is not None:
        return _stored(workspace, find_record(workspace, asked))
    folder = workspace.dataset
    if not folder.is_dir():
        raise ConfigurationError(
            f"no dataset in {folder}: make one with `sluice run`, or name an older one with --release"
        )
    here = open_folder(folder)
    records = [record for record in read_records(workspace, folder.name) if record.content == here.content]
    tag = records[-1].tag if records else None
    return Shelf(tag, here.content, here.tables, _warnings(workspace, tag))


def open_folder(folder: Path) -> Shelf:
    """The tables of a copy of a release, wherever it lies. What was withdrawn from it since, a copy can't tell."""
    try:
        content = str(json.loads((folder / "release.json").read_text(encoding="utf-8"))["content"])
    except (OSError, ValueError, KeyError):
        raise ConfigurationError(f"{folder} holds no release: it has no release.json that can be read") from None
    places = {name: folder / f"{name}.parquet" for name in (*TABLES, *OPTIONAL)}
    return Shelf(None, content, {name: _read(place) for name, place in places.items() if place.is_file()})


def _stored(workspace: Workspace, record: Record) -> Shelf:
    store, output = Store(workspace.root), f"data/dataset/{record.name}"
    warnings = _warnings(workspace, record.tag)
    try:
        held = store.files(record.tag, output)
        names = [name for name in (*TABLES, *OPTIONAL) if f"{name}.parquet" in held]
        found = {name: _read(store.locate(held[f"{name}.parquet"])) for name in names}
    except ContractViolation:
        if warnings:
            raise ContractViolation(f"{warnings[0]} (its tables named them, so they are gone)") from None
        raise
    return Shelf(record.tag, record.content, found, warnings)


def _warnings(workspace: Workspace, tag: str | None) -> tuple[str, ...]:
    held = incomplete(workspace).get(tag) if tag else None
    return (told(tag, held),) if tag and held else ()


def _read(place: Path) -> Arrow:
    import pyarrow as pa  # takes a moment
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(place).read()
    except (OSError, pa.ArrowException):
        raise ContractViolation(f"{place} is no Parquet table: get the release again") from None

"""What a patient goes by in a workspace, and whether some bytes name it. Deleting belongs to the other modules.

Every pseudonym has one shape and every new UID another, so bytes are searched once for the shapes, however many names
there are. Tables and archives are looked into, since they are compressed.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from tasks.core.cohort import read_cohort
from tasks.core.workspace import Workspace
from tasks.record.items import chunks
from tasks.record.ledger import Ledger
from tasks.record.schema import ItemRow, ModelPatientRow, ReleaseItemRow, UnitRow
from tasks.record.withdrawals import Held

GONE = "withdrawn"
"""What stands in the place of a name where a text must stay."""

_SHAPES = re.compile(rb"(?=([psui][a-z2-7]{12}|2\.25\.\d{1,39}))")
_UID = re.compile(rb"2\.25\.\d{1,39}")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True)
class Traces:
    """The names of those who withdraw, and what there is of them. `models` maps (name, version) to split."""

    patients: frozenset[str]
    names: frozenset[str]
    units: frozenset[str]
    items: frozenset[str]
    releases: dict[str, Held]
    models: dict[tuple[str, str], str]
    series: int
    instances: int
    _encoded: frozenset[bytes] = field(default=frozenset(), repr=False)

    def in_bytes(self, content: bytes) -> bool:
        """Whether `content` holds one of the names, as it stands."""
        names = self._encoded
        return any(
            match[1] in names or (match[1].startswith(b"2.25.") and _UID.match(match[1]) and match[1] in names)
            for match in _SHAPES.finditer(content)
        )

    def in_text(self, text: str) -> bool:
        """The same for a text, a path for instance."""
        return self.in_bytes(text.encode("utf-8", "surrogateescape"))

    def without(self, text: str) -> str:
        """`text` with another word in the place of each name."""
        found = {match[1] for match in _SHAPES.finditer(text.encode())} & self._encoded
        for name in sorted(found, key=len, reverse=True):
            text = text.replace(name.decode(), GONE)
        return text

    def in_content(self, content: bytes) -> bool:
        """Whether `content` holds a name, also where it is a table, an archive or compressed."""
        if content.startswith(_PICTURES):
            return False
        if content.startswith(b"PAR1"):
            return self._in_table(content)
        if content.startswith(b"\x1f\x8b"):
            try:
                return self.in_content(gzip.decompress(content))
            except (OSError, EOFError, zlib.error):
                return self.in_bytes(content)
        return self.in_bytes(content) or (content.startswith(b"PK\x03\x04") and self._in_archive(content))

    def in_file(self, path: Path) -> bool:
        """The same for a file."""
        return self.in_content(path.read_bytes())

    def _in_table(self, content: bytes) -> bool:
        import pyarrow as pa  # takes a moment
        import pyarrow.parquet as pq

        try:
            groups = pq.ParquetFile(io.BytesIO(content))
            for batch in groups.iter_batches():
                for column in batch.columns:
                    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                        column = column.unique()
                    elif not (pa.types.is_nested(column.type) or pa.types.is_dictionary(column.type)):
                        continue
                    if self.in_text("\n".join(map(str, column.to_pylist()))):
                        return True
        except pa.ArrowException:
            return self.in_bytes(content)
        return False

    def _in_archive(self, content: bytes) -> bool:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                packed = [info for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
                return any(self.in_content(archive.read(info)) for info in packed)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error):
            return False


def trace(workspace: Workspace, ledger: Ledger, patients: Collection[str], also: Iterable[str] = ()) -> Traces:
    """Everything that the register and the cohort know of `patients` (pseudonyms).

    `also` are items of theirs that never became part of a series, as the source lists them.
    """
    wanted = frozenset(patients)
    units, studies, items, uids = set[str](), set[str](), set(also), set[str]()
    with ledger.database.read() as connection:
        for part in chunks(sorted(wanted)):
            query = select(UnitRow.unit, UnitRow.study).where(UnitRow.patient.in_(part))
            for unit, study in connection.execute(query):
                units.add(unit)
                studies.add(study)
            held = select(ReleaseItemRow.study, ReleaseItemRow.series, ReleaseItemRow.instance)
            for study, series, instance in connection.execute(held.where(ReleaseItemRow.patient.in_(part)).distinct()):
                studies.add(study)
                uids |= {series, instance}
        for name, study in _of_cohort(workspace, wanted):
            units.add(name)
            studies.add(study)
        instances = 0
        for part in chunks(sorted(units)):
            for item, sop in connection.execute(select(ItemRow.item, ItemRow.sop).where(ItemRow.unit.in_(part))):
                items.add(item)
                uids |= {sop} if sop else set()
                instances += 1
        releases = _releases(ledger, wanted)
        row = ModelPatientRow
        seen = select(row.name, row.version, row.split).where(row.patient.in_(sorted(wanted)))
        models = {(name, version): split for name, version, split in connection.execute(seen)}
    names = wanted | units | studies | items | uids
    return Traces(
        patients=wanted,
        names=frozenset(names),
        units=frozenset(units),
        items=frozenset(items),
        releases=releases,
        models=models,
        series=len(units),
        instances=instances,
        _encoded=frozenset(name.encode() for name in names),
    )


def _releases(ledger: Ledger, patients: frozenset[str]) -> dict[str, Held]:
    row = ReleaseItemRow
    held = {"series": row.series, "instances": row.instance, "patients": row.patient, "studies": row.study}
    counts = [func.count(column.distinct()) for column in held.values()]
    query = select(row.release, *counts).where(row.patient.in_(sorted(patients))).group_by(row.release)
    with ledger.database.read() as connection:
        return {tag: Held(**dict(zip(held, found, strict=True))) for tag, *found in connection.execute(query)}


def _of_cohort(workspace: Workspace, patients: frozenset[str]) -> Iterable[tuple[str, str]]:
    if not workspace.cohort_lock.exists():
        return ()
    return [(unit.unit, unit.study) for unit in read_cohort(workspace).units if unit.patient in patients]

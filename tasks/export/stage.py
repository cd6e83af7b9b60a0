"""The stage: from curated tables, images and verdicts to the release folder, whole or not at all."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pandas as pd

from tasks.core.cohort import read_cohort
from tasks.core.errors import ContractViolation
from tasks.core.files import atomic_directory, sha256, write_json, write_text
from tasks.core.models import Cohort, Frozen, Tally, Verdicts
from tasks.core.workspace import Workspace
from tasks.export.card import write_card
from tasks.export.croissant import make_croissant
from tasks.export.kept import keep_unchanged
from tasks.export.layout import place_images, place_objects
from tasks.export.manifest import Counts, applied_profile, checksums, listing, make_manifest, passed_gates
from tasks.export.shards import write_shards
from tasks.export.sheet import draw_sheet, write_sheet
from tasks.export.tables import metadata, read_tables, write_released
from tasks.export.views import front_matter, image_rows, write_split_tables
from tasks.record.ledger import Ledger
from tasks.record.reconcile import reconcile
from tasks.record.releases.last import check_against_last

logger = logging.getLogger(__name__)


class ExportSummary(Frozen):
    """What was exported, where, and the digest of what it holds."""

    name: str
    path: Path
    content: str
    counts: Counts
    tally: Tally

    @property
    def sentence(self) -> str:
        """The summary in one line."""
        counts = self.counts
        return (
            f"{counts.images} images and {counts.objects} objects of {counts.patients} patients in {self.path} "
            f"(content {self.content[:12]}); {self.tally.released} of {self.tally.expected} instances released"
        )


def export(workspace: Workspace) -> ExportSummary:
    """Write data/dataset/<name>, replacing what was there, and enter the outcome of each instance into the ledger.

    Raises `ContractViolation` when the gates block, the books don't balance, a patient would change split, or there is
    nothing to release; the last release then stays as it was. Same inputs, same bytes.
    """
    cohort = read_cohort(workspace)
    verdicts = passed_gates(workspace)
    tables = read_tables(workspace.curated)
    counts = _count(tables)
    if not counts.images + counts.objects:
        raise ContractViolation(
            "there is nothing to release: every instance was refused; `sluice status` tells for which reasons"
        )
    with Ledger.open(workspace) as ledger:
        tally = reconcile(workspace, ledger, cohort)
    with atomic_directory(workspace.dataset) as draft:
        content = _fill(draft, workspace, tables, cohort, verdicts, tally, counts)
        splits = tables["splits"]
        check_against_last(workspace, dict(zip(splits["patient"], splits["split"], strict=True)))
    name = workspace.settings.export.name
    summary = ExportSummary(name=name, path=workspace.dataset, content=content, counts=counts, tally=tally)
    logger.info("exported %s", summary.sentence)
    return summary


def _fill(
    draft: Path,
    workspace: Workspace,
    tables: dict[str, pd.DataFrame],
    cohort: Cohort,
    verdicts: Verdicts,
    tally: Tally,
    counts: Counts,
) -> str:
    settings, instances = workspace.settings, tables["instances"]
    tables["instances"] = instances = instances.assign(
        image_path=place_images(instances, workspace.images, draft, workspace.dataset),
        object_path=place_objects(instances, workspace.deidentified, draft),
    )
    for name, table in tables.items():
        write_released(table, draft / name)
    if "features" in tables:
        shutil.copyfile(workspace.curated / "features.json", draft / "features.json")
    for name, table in metadata(tables).items():
        write_released(table, draft / "metadata" / name)
    sheet = draw_sheet(instances, draft)
    if sheet is not None:
        write_sheet(sheet, draft / "contact-sheet.png")
    images = image_rows(tables)
    splits = write_split_tables(images, draft)
    if settings.export.shards is not None and len(images):
        write_shards(images, draft, settings.export.shards)
    profile = applied_profile(workspace)
    card = front_matter(settings.export.title, splits) + write_card(
        settings, tables, cohort, verdicts, tally, counts, profile, sheet is not None
    )
    write_text(draft / "README.md", card)
    seen = instances[["image_path", "png_sha256"]].dropna()  # `place_images` has held each against its bytes
    sums = checksums(draft, dict(zip(seen["image_path"], seen["png_sha256"], strict=True)))
    write_json(draft / "croissant.json", make_croissant(settings.export, tables, sums, counts.objects > 0))
    sums["croissant.json"] = sha256(draft / "croissant.json")
    manifest = make_manifest(workspace, cohort, profile, verdicts, tally, counts, sums)
    write_json(draft / "release.json", manifest)
    sums["release.json"] = sha256(draft / "release.json")
    write_text(draft / "checksums.sha256", listing(sums))
    keep_unchanged(draft, workspace.dataset, leave="images")
    return str(manifest["content"])


def _count(tables: dict[str, pd.DataFrame]) -> Counts:
    instances = tables["instances"]
    return Counts(
        patients=instances["patient"].nunique(),
        studies=instances["study"].nunique(),
        series=instances["unit"].nunique(),
        images=int(instances["image_path"].notna().sum()),
        objects=int(instances["object_path"].notna().sum()),
    )

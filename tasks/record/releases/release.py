"""Publishing: from an exported dataset to a commit, a tag, a committed record and the register's rows.

Each step is done only where it isn't yet, so a call that died is finished by the next one. What a dataset holds is
made by `export`; the record in data/releases adds what only this run knows.
"""

from __future__ import annotations

import json
import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.core.cohort import read_cohort
from tasks.core.errors import ContractViolation
from tasks.core.files import sha256
from tasks.core.models import Tally
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tasks.record.register import Release, ReleaseItem, record_release, releases
from tasks.record.releases import versioning as git
from tasks.record.releases.environment import environment
from tasks.record.releases.records import Record, Statement, place_of, read_records, write_record
from tasks.record.releases.signing import fingerprint, public_half, sign, signing_key
from tasks.record.releases.verification import CHECKSUMS, lay_signature

logger = logging.getLogger(__name__)

STAGES = ("extract", "deidentify", "transform", "curate", "validate", "export")
"""What dvc.yaml holds, in order."""


def publish(
    workspace: Workspace, ledger: Ledger, *, flow_run: str | None = None, tally: Tally | None = None
) -> Release | None:
    """Publish data/dataset/<name> as the next release; None where the latest one holds the same already.

    DVC must hold the outputs as they are (`commit_stages`, or `dvc repro`, before). Writes the record, commits it with
    the locks and parameters, signs it, tags `release/<name>/v<N>`, and enters the release into the register. Raises
    `ContractViolation` when the books (`tally`, else the ledger's) do not balance, or DVC holds other bytes.
    """
    root, name = workspace.root, workspace.settings.export.name
    manifest = read_manifest(workspace)
    git.ensure_repository(root)
    records = _mended(workspace, name, manifest["content"])
    latest = records[-1] if records else None
    if latest is None or latest.content != manifest["content"]:
        tally = tally or ledger.tally(read_cohort(workspace))
        if not tally.balances:
            raise ContractViolation("the books do not balance, so nothing is published: see `sluice status`")
        latest = _new_record(workspace, _next_number(ledger, root, name, records), manifest, flow_run, tally)
        write_record(workspace, latest)
        records.append(latest)
    if latest.tag not in git.tags(root, latest.tag):
        git.commit_and_tag(root, _versioned(workspace), latest.tag, f"Release {name} v{latest.number}")
    lay_signature(latest, workspace.dataset)
    return _entered(workspace, ledger, records)


def read_manifest(workspace: Workspace) -> dict[str, Any]:
    """release.json of the exported dataset."""
    place = workspace.dataset / "release.json"
    try:
        manifest: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContractViolation(f"no dataset in {workspace.dataset}: run `python -m tasks.export` first") from None
    except ValueError:
        raise ContractViolation(f"{place} is damaged: run `python -m tasks.export` again") from None
    return manifest


def _mended(workspace: Workspace, name: str, content: str) -> list[Record]:
    """The records, after what a call that died left is put right: an untagged commit is tagged, a stale draft goes."""
    records = read_records(workspace, name)
    if not records or records[-1].tag in git.tags(workspace.root, records[-1].tag):
        return records
    draft = records[-1]
    commit = git.commit_of(workspace.root, place_of(workspace, draft))
    if commit:
        git.tag_commit(workspace.root, commit, draft.tag, f"Release {name} v{draft.number}")
    elif draft.content != content:
        place_of(workspace, draft).unlink()
        records.pop()
    return records


def _new_record(
    workspace: Workspace, number: int, manifest: dict[str, Any], flow_run: str | None, tally: Tally
) -> Record:
    root, name = workspace.root, manifest["name"]
    outputs = git.digests(root)
    dataset = outputs.get(workspace.dataset.relative_to(root).as_posix())
    if dataset is None or not git.is_clean(root):
        raise ContractViolation("DVC does not hold what data/ holds now: run `dvc repro`, or `sluice run` again")
    key = signing_key(workspace)
    record = Record(
        tag=f"release/{name}/v{number}",
        name=name,
        number=number,
        content=manifest["content"],
        dvc=dataset,
        dvc_outputs=outputs,
        commit=git.commit_paths(root, _versioned(workspace), f"Make {name} v{number}"),
        code=git.code_version(),
        key_id=manifest["key_id"],
        flow_run=flow_run,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        tally=tally,
        manifest=manifest,
        waivers=tuple(manifest.get("waivers", ())),
        environment=environment(),
        signer=fingerprint(public_half(key)),
    )
    sums = sha256(workspace.dataset / CHECKSUMS)
    statement = Statement(tag=record.tag, content=record.content, checksums=sums, record=record.digest)
    return record.model_copy(update={"signed": sign(key, statement)})


def _next_number(ledger: Ledger, root: Path, name: str, records: list[Record]) -> int:
    """One more than any that git, the records or the register ever gave."""
    tagged = (tag.rpartition("/v")[2] for tag in git.tags(root, f"release/{name}/v*"))
    taken = [int(number) for number in tagged if number.isdigit()]
    taken += [record.number for record in records] + [release.number for release in releases(ledger, name)]
    return max(taken, default=0) + 1


def _entered(workspace: Workspace, ledger: Ledger, records: list[Record]) -> Release | None:
    """Enter each record that the register lacks (a new one, or all after a loss); returns the latest if it was new."""
    known = {release.tag for release in releases(ledger, records[-1].name)}
    latest = None
    for record in records:
        if record.tag in known:
            continue
        commit = git.tags(workspace.root, record.tag).get(record.tag, record.commit)
        release = Release(
            tag=record.tag,
            name=record.name,
            number=record.number,
            content=record.content,
            dvc=record.dvc,
            commit=commit,
            flow_run=record.flow_run,
            key_id=record.key_id,
            created=record.created,
        )
        items = _items(workspace, record, is_latest=record is records[-1])
        if items is not None:
            record_release(ledger, release, items)
            latest = release
            logger.info("published %s: %d instances of %d", release.tag, record.tally.released, record.tally.expected)
    return latest if latest and latest.tag == records[-1].tag else None


def _items(workspace: Workspace, record: Record, *, is_latest: bool) -> list[ReleaseItem] | None:
    """What a release holds: from the dataset as it lies there, or from DVC's store for an older one."""
    table = workspace.dataset / "instances.parquet"
    if is_latest:
        return _read_items(table)
    with tempfile.TemporaryDirectory(dir=workspace.scratch) as folder:
        copy = Path(folder) / table.name
        if not git.fetch_version(workspace.root, table, record.tag, copy):
            logger.warning("DVC no longer holds %s, so the register cannot say whose it is: `dvc pull` it", record.tag)
            return None
        return _read_items(copy)


def _read_items(table: Path) -> list[ReleaseItem]:
    import pandas as pd  # takes a second

    columns = ["instance", "series", "study", "patient"]
    frame = pd.read_parquet(table, columns=columns)[columns].drop_duplicates()
    return [
        ReleaseItem(instance=instance, series=series, study=study, patient=patient)
        for instance, series, study, patient in frame.itertuples(index=False, name=None)
    ]


def _versioned(workspace: Workspace) -> list[Path]:
    """What git holds of a workspace."""
    root = workspace.root
    names = ("dvc.lock", "dvc.yaml", "params.yaml", ".gitignore", ".dvcignore", ".dvc/config", ".dvc/.gitignore")
    locks = [workspace.cohort_lock, workspace.splits_lock, workspace.waivers]
    return [*(root / name for name in names), *locks, workspace.expectations, workspace.releases]

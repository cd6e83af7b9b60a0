"""`sluice release`: what was published, what differs, whether a copy is what was signed, and where the bytes are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from flows.commands.common import WorkspaceOption, command, console, open_workspace
from tasks.core.errors import ConfigurationError, ContractViolation

if TYPE_CHECKING:
    from tasks.record.releases.difference import Changes, Difference
    from tasks.record.releases.records import Record

app = typer.Typer(
    name="release", help="What was published: list, show, compare, check, copy and push.", no_args_is_help=True
)
TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="release/NAME/v2, NAME/v2, v2, 2 or latest.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The same for machines, as one JSON object.")]
_SHOWN = 5


@app.command("list")
@command
def list_releases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the releases of this workspace's dataset, oldest first."""
    from tasks.record.releases.records import read_records
    from tasks.record.withdrawals import incomplete

    place = open_workspace(workspace)
    records, gone = read_records(place, place.settings.export.name), incomplete(place)
    if as_json:
        typer.echo(json.dumps([record.model_dump(mode="json", exclude={"manifest"}) for record in records], indent=2))
        return
    if not records:
        console.print("nothing was released yet: `sluice run`")
        return
    for record in records:
        counts, tally = record.manifest["counts"], record.tally
        console.print(
            f"{record.tag}  {record.created.replace('T', ' ')[:16]}  {counts['patients']} patients, "
            f"{counts['studies']} studies, {counts['images']} images; {tally.released} instances released, "
            f"{tally.quarantined + tally.skipped} refused; signed by {record.signer or 'nobody'}"
            + (f"; INCOMPLETE: {gone[record.tag].instances} instances were withdrawn" if record.tag in gone else ""),
            markup=False,
        )


@app.command("show")
@command
def show(tag: TagArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what a release was made of, by what and whom, and check the signature of that record."""
    from tasks.record.releases.records import find_record
    from tasks.record.releases.signing import check_signature

    place = open_workspace(workspace)
    record = find_record(place, tag)
    if record.signed is not None:
        check_signature(record.signed)
        if record.signed.statement.record != record.digest:
            raise ContractViolation(
                f"the record of {record.tag} was altered after it was signed: take data/releases from git again"
            )
    if as_json:
        typer.echo(json.dumps(record.model_dump(mode="json"), indent=2, sort_keys=True))
        return
    for name, value in _facts(record):
        console.print(f"{name:<15}{value}", markup=False)


@app.command("diff")
@command
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The earlier one, as TAG of `release show`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The later one.")] = "latest",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed from release A to B.

    Patients, studies and instances that were added, removed, changed (other bytes) or relabelled; parameters, gates
    and versions that differ; and how splits and classes stand before and after. Checks nothing out.
    """
    from tasks.record.releases.difference import compare
    from tasks.record.releases.records import find_record

    place = open_workspace(workspace)
    found = compare(place, find_record(place, before), find_record(place, after))
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json"), indent=2))
        return
    for line in _difference(found):
        console.print(line, markup=False)


@app.command("verify")
@command
def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A release's folder, anywhere.")],
    public_key: Annotated[
        Path | None, typer.Option(help="The key that must have signed: signer.pub, as its owner gave it to you.")
    ] = None,
) -> None:
    """Check a release, or a copy of one, against its signature: each file's checksum, none missing, none added.

    Needs no workspace. Without --public-key the folder vouches for itself: compare the printed fingerprint with what
    the releasing site told you. Ends with 3 and names the first file that differs.
    """
    from tasks.record.releases.signing import read_public_key
    from tasks.record.releases.verification import verify as check

    pinned = read_public_key(public_key) if public_key else None
    if not directory.is_dir():
        raise ConfigurationError(f"{directory} is no folder")
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("checking", total=None)
        good = check(directory, pinned, lambda done, total: bar.update(task, completed=done, total=total))
    by = f"signed by {good.signer}" + (", the key given" if good.pinned else "; --public-key FILE pins the signer")
    console.print(f"{good.tag}: {good.files} files, {good.bytes / 1e6:.1f} MB, each as released; {by}", markup=False)


@app.command("copy")
@command
def copy(
    tag: TagArgument,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Write a release to DIR with its signature, from DVC's store, to hand it on; what is in data/ stays as it is."""
    from tasks.record.releases.copies import copy_release
    from tasks.record.releases.records import find_record

    place = open_workspace(workspace)
    record = find_record(place, tag)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("copying", total=None)
        files = copy_release(place, record, target, lambda done, total: bar.update(task, completed=done, total=total))
    console.print(
        f"{record.tag}: {files} files in {target}; `sluice release verify {target}` checks them", markup=False
    )


@app.command("push")
@command
def push(workspace: WorkspaceOption = None) -> None:
    """Copy the bytes of the releases to the remote of record.remote; what is there already is not sent again."""
    from tasks.record.ledger import Ledger
    from tasks.record.releases.remote import push as send

    place = open_workspace(workspace)
    with Ledger.open(place) as ledger, console.status("pushing"):
        sent = send(place, ledger)
    console.print(f"{', '.join(sent)} at {place.settings.record.remote}" if sent else "the remote has every release")


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    manifest, tally = record.manifest, record.tally
    counts = ", ".join(f"{count} {name}" for name, count in manifest["counts"].items())
    failed = [f"{rule['suite']}/{rule['rule']}" for rule in manifest["gates"] if not rule["passed"]]
    profile = manifest["profile"]
    yield "release", record.tag
    yield "made", f"{record.created} by Sluice {record.code}, flow run {record.flow_run or 'none (by hand)'}"
    yield "signed by", record.signer or "nobody: it was made before releases were signed"
    yield "holds", counts
    yield (
        "outcomes",
        f"{tally.expected} expected = {tally.released} released + {tally.quarantined} quarantined + "
        + (f"{tally.skipped} skipped + {tally.withdrawn} withdrawn"),
    )
    yield "content", record.content
    yield "cohort.lock", manifest["cohort"]
    yield "commit", f"{record.commit} (the locks and parameters it was made of)"
    yield "key", record.key_id
    yield "profile", f"{profile['name']}, {profile['edition']}, rules {profile['digest']}"
    yield "params", ", ".join(f"{name} {digest[:12]}" for name, digest in manifest["params"].items())
    yield "gates", f"{len(manifest['gates'])} rules, {len(failed)} fail" + (f": {', '.join(failed)}" if failed else "")
    for waiver in record.waivers:
        yield "waived", json.dumps(waiver, sort_keys=True, ensure_ascii=False)
    for path, digest in record.dvc_outputs.items():
        yield "DVC", f"{digest}  {path}"
    yield "made with", ", ".join(f"{name} {version}" for name, version in record.environment.items()) or "not recorded"


def _difference(found: Difference) -> Iterator[str]:
    yield f"{found.before} to {found.after}" + (": the same content" if found.same_content else "")
    for name, changes in (("patients", found.patients), ("studies", found.studies), ("instances", found.instances)):
        counts = ", ".join(f"{len(getattr(changes, what))} {what}" for what in type(changes).model_fields)
        yield f"{name:<15}{counts}"
        yield from _named(changes)
    for patient, (was, now) in found.moved.items():
        yield f"moved          {patient} from {was} to {now}"
    for name, (old, new) in found.params.items():
        yield f"parameter      {name}: {json.dumps(old, ensure_ascii=False)} to {json.dumps(new, ensure_ascii=False)}"
    for name, (was, now) in {**found.facts, **found.environment}.items():
        yield f"{'version' if name in found.environment else 'fact':<15}{name}: {was} to {now}"
    for split, sizes in found.splits.items():
        told = ", ".join(f"{name} {few} to {many}" for name, (few, many) in sizes.items())
        yield f"split          {split}: {told}"
    for label, values in found.labels.items():
        for value, splits in values.items():
            first, last = (sum(pair[side] for pair in splits.values()) for side in (0, 1))
            told = ", ".join(f"{split} {one} to {two}" for split, (one, two) in splits.items())
            yield f"class          {label} = {value}: {first} to {last} ({told})"


def _named(changes: Changes) -> Iterator[str]:
    for what in type(changes).model_fields:
        names = getattr(changes, what)
        if names:
            more = f" and {len(names) - _SHOWN} more (--json has all)" if len(names) > _SHOWN else ""
            yield f"  {what:<13}{', '.join(names[:_SHOWN])}{more}"

"""`sluice deidentify`, `sluice verify` and `sluice key`: a folder without a workspace, a server or a schedule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.common import command, console
from tasks.core.errors import ConfigurationError, ContractViolation

if TYPE_CHECKING:
    from tasks.deidentify.folder import Result, Told
    from tasks.deidentify.report import Counts
    from tasks.deidentify.verify import Answer

INCOMPLETE = 5  # done, but something was held back or could not be looked at
SHOWN = 20

KeyOption = Annotated[
    Path | None,
    typer.Option("--key-file", envvar="SLUICE_KEY_FILE", help="The key; `sluice key PATH` makes one."),
]
ProfileOption = Annotated[
    str, typer.Option(help="basic, research, or a YAML file with the keys of `deidentify:` in params.yaml.")
]
WorkersOption = Annotated[int, typer.Option(min=1, max=256, help="Processes; as many as there are CPUs if not given.")]
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@command
def key(path: Annotated[Path, typer.Argument(help="Where to write it; must not exist.")]) -> None:
    """Make a new key. Back it up apart from the data: with the same key the same patient gets the same pseudonym."""
    from tasks.core.files import told_plainly
    from tasks.core.pseudonyms import Pseudonymiser, new_key

    with told_plainly(path):
        new_key(path)
    told = "keep it apart from the data, and from those who get the data"
    console.print(f"key         {path}  (id {Pseudonymiser.from_file(path).key_id}; {told})")


@command
def deidentify(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file or a folder of DICOM, of any depth and names.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="New, empty, or filled by an earlier run of the same.")],
    key_file: KeyOption = None,
    profile: ProfileOption = "basic",
    workers: WorkersOption = CPUS,
    mapping: Annotated[
        Path | None,
        typer.Option(help="Also write uid.csv, patient.csv and files.csv there. THEY IDENTIFY PATIENTS."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write counts and outcomes as JSON; nothing identifies.")] = None,
    dicomdir: Annotated[
        bool | None,
        typer.Option("--dicomdir/--no-dicomdir", help="DST as media, with short names and a DICOMDIR; or none at all."),
    ] = None,
) -> None:
    """De-identify a file or a folder of DICOM, without a workspace.

    Writes DST/<patient>/<study>/<series>/<sop>.dcm, by the new identifiers. An interrupted run goes on when it is
    started again; a finished one gives the same bytes again. Ends with 0 where all DICOM was written, with 5 where some
    was refused: the table says why and what to do.
    """
    from tasks.deidentify.folder import Request, deidentify_folder
    from tasks.deidentify.rules.files import load_profile

    chosen = _existing(key_file)
    request = Request(source, target, chosen, load_profile(profile), workers, mapping, report, dicomdir)
    if mapping:
        console.print(f"mapping     {mapping}  (what is in it identifies patients: keep it as you keep the key)")
    with _bar("de-identifying") as told:
        result = deidentify_folder(request, told)
    _print_result(result, target)
    if result.counts.quarantined:
        raise typer.Exit(INCOMPLETE)


@command
def verify(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="What was de-identified.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="What came of it, by whatever tool.")],
    key_file: KeyOption = None,
    profile: Annotated[
        str | None, typer.Option(help="As of `sluice deidentify`; if not given, the preset that DST names, else basic.")
    ] = None,
    workers: WorkersOption = CPUS,
    mapping: Annotated[
        Path | None, typer.Option(help="A uid.csv (id_old,id_new) that says which output is whose, for other tools.")
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Compare outputs that match no source with one file of each patient.")
    ] = False,
) -> None:
    """Search de-identified files for what identifies the patients of SRC.

    This is the residual check alone, and nothing is written. Ends with 0 where all outputs were compared and are clean,
    with 3 where any holds an identifier, with 5 where some could not be compared: no file of SRC belongs to them.
    """
    from tasks.deidentify.rules.files import load_profile
    from tasks.deidentify.verify import Question, verify_folder

    settings = load_profile(profile) if profile else None
    question = Question(source, target, _existing(key_file), settings, workers, mapping, everyone)
    with _bar("comparing", ("compared", "with residue")) as told:
        answer = verify_folder(question, told)
    _print_answer(answer)
    if answer.hits:
        raise ContractViolation(
            f"{len(answer.hits)} of {answer.outputs} outputs still hold identifiers: hand none of them on"
        )
    if answer.unmatched:
        raise typer.Exit(INCOMPLETE)


def _existing(key_file: Path | None) -> Path:
    if key_file is None:
        raise ConfigurationError("no key is named: use --key-file or SLUICE_KEY_FILE; `sluice key PATH` makes one")
    if not key_file.exists():
        raise ConfigurationError(f"no key at {key_file}: `sluice key {key_file}` makes one")
    return key_file


@contextmanager
def _bar(title: str, words: tuple[str, str] = ("kept", "refused")) -> Iterator[Told]:
    """A progress bar on a terminal; elsewhere nothing is told. `words` are for the two counts that it hears of."""
    if not console.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task(title, total=None)

        def told(entries: int, first: int, second: int) -> None:
            text = f"{title}: {first} {words[0]}, {second} {words[1]} of {entries}"
            progress.update(task, total=entries, completed=first + second, description=text)

        yield told


def _print_result(result: Result, target: Path) -> None:
    counts = result.counts
    _print_outcomes(counts)
    console.print(
        f"{counts.files} files = {counts.kept} kept + {counts.quarantined} quarantined + {counts.skipped} skipped"
    )
    for note, count in counts.notes.items():
        console.print(f"note        {note}: {count}")
    if result.listed is not None:
        left_out = f", {counts.kept - result.listed} have no place in it" if result.listed < counts.kept else ""
        console.print(f"DICOMDIR    lists {result.listed} instances{left_out}")
    if result.strangers:
        console.print(f"earlier     {result.strangers} files of earlier runs, of which this source knows nothing, stay")
    console.print(f"output      {target}")


def _print_answer(answer: Answer) -> None:
    console.print(f"sources     {answer.sources} files, {answer.missing} not in DST, {answer.skipped} no instance")
    console.print(f"outputs     {answer.outputs} files, {answer.compared} compared with their source")
    if answer.unmatched:
        console.print(
            f"unmatched   {answer.unmatched} outputs belong to no file of SRC and were not looked at (--everyone does)"
        )
    for kind, count in sorted(answer.kinds.items()):
        console.print(f"residue     {kind}: in {count} outputs")
    for number, (path, kinds) in sorted(answer.hits.items())[:SHOWN]:
        # The paths of another tool may name a patient, so its outputs are told by their place in the order of paths.
        console.print(f"  {path if answer.ours else f'output {number}'}: {', '.join(kinds)}", markup=False)
    if len(answer.hits) > SHOWN:
        console.print(f"  and {len(answer.hits) - SHOWN} more")


def _print_outcomes(counts: Counts) -> None:
    from rich.table import Table

    from tasks.core.reasons import Reason

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("outcome", "files", "reason", "meaning", "what to do"):
        table.add_column(heading, overflow="fold")
    table.add_row("kept", str(counts.kept), "", "", "")
    for code, count in sorted(counts.reasons.items(), key=lambda pair: (Reason.of(pair[0]).disposition, -pair[1])):
        reason = Reason.of(code)
        table.add_row(reason.disposition.value, str(count), code, reason.sentence, reason.remedy)
    console.print(table, soft_wrap=False)

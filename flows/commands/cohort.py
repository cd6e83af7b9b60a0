"""`sluice cohort`: queries that are kept, with whom they selected."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from flows.commands.query import LEVELS, ReleaseOption, ask

app = typer.Typer(name="cohort", help="Saved cohorts: save, list, show, delete.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _.")]


@app.command("save")
@command
def save(
    name: NameArgument,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query that selects patient, study, unit or instance.")],
    by: Annotated[
        str | None, typer.Option(help="patient, study, series or instance; else the finest that the query selects.")
    ] = None,
    release: ReleaseOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Keep what a query selects: the SQL, the release it asked, and the pseudonymous ids, in data/cohorts/NAME.txt.

    The file is text and is committed. A later release doesn't change it: save it again to ask anew. A withdrawal takes
    a patient out of it. Use it as a table in `sluice query`, as `sluice sample --cohort NAME`, and as
    `load_release(DIR, cohort="NAME")`.
    """
    from tasks.core.errors import ConfigurationError
    from tasks.export.catalog import ids_of
    from tasks.record.releases.cohorts import SavedCohort, check_name, save_cohort

    place, level = open_workspace(workspace), choose("--by", by, LEVELS) if by else None
    check_name(name)
    answer, shelf = ask(place, sql, release)
    found, ids = ids_of(answer, level)  # type: ignore[arg-type]
    if not ids:
        raise ConfigurationError("the query selects nobody, so no cohort was saved")
    cohort = SavedCohort(name=name, by=found, ids=ids, content=shelf.content, release=shelf.tag, sql=sql)
    path = save_cohort(place, cohort)
    console.print(f"{name}: {len(ids)} by {found}, of {shelf.name}, in {path}", markup=False)


@app.command("list")
@command
def list_cohorts(workspace: WorkspaceOption = None) -> None:
    """List the saved cohorts."""
    from tasks.record.releases.cohorts import saved_cohorts

    cohorts = saved_cohorts(open_workspace(workspace))
    for cohort in cohorts.values():
        of = cohort.release or cohort.content[:12]
        console.print(f"{cohort.name:<24}{len(cohort.ids):>8} by {cohort.by:<9} of {of}", markup=False)
    if not cohorts:
        console.print('no cohort is saved: `sluice cohort save NAME "SELECT …"`', markup=False)


@app.command("show")
@command
def show(
    name: NameArgument,
    workspace: WorkspaceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, with the ids, as one JSON object.")] = False,
) -> None:
    """Show a cohort: its query, its release, and who is in it."""
    from tasks.record.releases.cohorts import find_cohort

    cohort = find_cohort(open_workspace(workspace), name)
    if as_json:
        typer.echo(json.dumps(cohort.model_dump(mode="json"), indent=2, ensure_ascii=False))
        return
    console.print(f"release  {cohort.release or 'unpublished'} (content {cohort.content[:12]})", markup=False)
    console.print(f"query    {cohort.sql or 'gone: it named somebody who withdrew'}", markup=False)
    console.print(f"by       {cohort.by}, {len(cohort.ids)} of them", markup=False)
    for one in cohort.ids:
        console.print(one, markup=False)


@app.command("delete")
@command
def delete(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Delete a cohort; git keeps its old versions."""
    from tasks.record.releases.cohorts import delete_cohort

    delete_cohort(open_workspace(workspace), name)
    console.print(f"deleted {name}", markup=False)

"""`sluice profile`: what a de-identification profile does, to all attributes and to one; and is its file right?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Table

from flows.commands.common import choose, command, console
from tasks.core.settings import DeidentifySettings

if TYPE_CHECKING:
    from tasks.deidentify.rules.profile import Profile

app = typer.Typer(
    help="What a de-identification profile does, and why: show it, explain an attribute, check a file.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ProfileOption = Annotated[str, typer.Option("--profile", help="basic, research, or a YAML file with a profile.")]
EDITIONS = get_args(DeidentifySettings.model_fields["edition"].annotation)


@command
def show(
    profile: ProfileOption = "basic",
    edition: Annotated[str, typer.Option(help=f"One of {', '.join(EDITIONS)}; else the profile's.")] = "",
) -> None:
    """Show a profile: its options, what becomes of how many attributes, its overrides, and what its edition lacks."""
    from tasks.deidentify.rules.files import load_profile
    from tasks.deidentify.rules.profile import Profile

    settings = load_profile(profile)
    if edition:
        settings = settings.model_copy(update={"edition": choose("--edition", edition, EDITIONS)})
    chosen = Profile.of(settings)
    print_options(chosen)
    print_counts(chosen)
    print_overrides(chosen)
    print_edition(chosen.edition, in_full=True)


@command
def explain_tag(
    tag: Annotated[str, typer.Argument(help='A keyword, 0010,0010, 00100010, or "(0019,xx0C)" for a private one.')],
    profile: ProfileOption = "basic",
    creator: Annotated[str, typer.Option(help="The creator of a private attribute's block.")] = "",
    sop_class: Annotated[str, typer.Option(help="The UID of the object's SOP class: its IOD's Type counts.")] = "",
    modality: Annotated[str, typer.Option(help="The object's modality, instead of --sop-class; e.g. CT.")] = "",
    inside: Annotated[str, typer.Option(help="The sequence that the attribute stands in; e.g. SegmentSequence.")] = "",
    vr: Annotated[str, typer.Option(help="The VR in the file, where it is not the dictionary's.")] = "",
) -> None:
    """Explain what happens to an attribute, and why."""
    from tasks.deidentify.rules.explain import Place, explain, sequence_named, sop_class_named
    from tasks.deidentify.rules.files import load_profile
    from tasks.deidentify.rules.names import named
    from tasks.deidentify.rules.profile import Profile

    chosen = Profile.of(load_profile(profile))
    what = named(f"{tag} {creator}" if creator else tag, "TAG")
    place = Place(sop_class_named(sop_class or modality) if sop_class or modality else "", sequence_named(inside))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    last = ""
    for heading, text in explain(chosen, what, place, vr.upper()):
        table.add_row("" if heading == last else heading, text)
        last = heading
    table.add_row("profile", f"{profile}, edition {chosen.edition}")
    console.print(table, soft_wrap=False, markup=False)


@command
def check(
    file: Annotated[str, typer.Argument(help="A YAML file with the keys of `deidentify:` in params.yaml.")],
) -> None:
    """Check a profile file: every option, tag and action in it; then show in short what it does."""
    from tasks.deidentify.rules.files import load_profile
    from tasks.deidentify.rules.profile import Profile

    chosen = Profile.of(load_profile(file))
    on = ", ".join(sorted(chosen.options)) or "none"
    console.print(f"profile    {chosen.name}, edition {chosen.edition}, dates {chosen.dates.lower()}", markup=False)
    console.print(f"options    {on}", markup=False)
    console.print(f"codes      {', '.join(option.code for option in chosen.method_codes)}", markup=False)
    print_counts(chosen)
    print_overrides(chosen)
    print_edition(chosen.edition, in_full=False)


app.command("show")(show)
app.command("explain")(explain_tag)
app.command("check")(check)


def print_options(profile: Profile) -> None:
    """Every option of E.1-1 with its code of CID 7050, and whether it is on; why others are not offered."""
    from tasks.deidentify.rules.options import BASIC, NOT_OFFERED, OPTIONS

    table = Table(box=None, pad_edge=False)
    for heading in ("option", "code", "", "meaning"):
        table.add_column(heading, overflow="fold")
    table.add_row("(always)", BASIC.code, "on", BASIC.meaning)
    for name, option in sorted(OPTIONS.items(), key=lambda entry: entry[1].code):
        table.add_row(name, option.code, "on" if name in profile.options else "off", option.meaning)
    for name, why in NOT_OFFERED.items():
        table.add_row(name, "", "no", why)
    console.print(table, soft_wrap=False)
    console.print()


def print_counts(profile: Profile) -> None:
    """How many attributes get which action: rows of E.1-1, others of PS3.6, and private ones that are known."""
    from tasks.deidentify.rules import summary

    counts = (summary.of_table(profile), summary.of_beyond(profile), summary.of_private(profile))
    table = Table(box=None, pad_edge=False)
    table.add_column("what becomes of")
    for heading in ("rows of E.1-1", "others of PS3.6", "safe private"):
        table.add_column(heading, justify="right")
    for action, heading in summary.HEADINGS.items():
        if any(count[action] for count in counts):
            table.add_row(heading, *(str(count[action] or "") for count in counts))
    table.add_row("all", *(str(count.total()) for count in counts))
    console.print(table, soft_wrap=False)
    console.print("private attributes that are not known to be safe: removed", markup=False)
    console.print()


def print_overrides(profile: Profile) -> None:
    """The site's own choices, above the table."""
    if profile.overrides:
        chosen = ", ".join(f"{name}: {action}" for name, action in profile.overrides)
        console.print(f"overrides  {chosen}", markup=False)


def print_edition(name: str, *, in_full: bool) -> None:
    """What the edition is and what it lacks, with `in_full` all of it."""
    from tasks.deidentify.rules import editions, summary

    edition = editions.edition(name)
    console.print(f"edition    {name}: {edition.about}; {edition.rows} rows", markup=False)
    if not edition.lacks:
        return
    held = "their text is cleaned and the patient's characteristics are kept, else today's rows hold"
    console.print(f"lacks      {len(edition.lacks)} of today's rows: {held}", markup=False)
    if in_full:
        console.print(", ".join(summary.lacking(name)), markup=False, soft_wrap=False)

"""`sluice features`: radiomic features of a series and its regions, without a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from flows.commands.common import command, console
from flows.commands.volumes import Allow, read_settings

INCOMPLETE = 5  # written, but values are missing


@command
def features(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="A file, folder or zip of DICOM images.")],
    out: Annotated[Path, typer.Option(help="The table, FILE.parquet; what its columns mean goes to FILE.json.")],
    roi: Annotated[
        list[Path] | None,
        typer.Option(
            help="RTSTRUCT, DICOM SEG, NIfTI mask or Label Studio export; may be given more than once. "
            "Without it the whole volume is taken."
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="YAML with the keys of `radiomics:` in params.yaml, or a whole params.yaml."),
    ] = None,
    allow: Allow = None,
    robustness: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            metavar="N",
            help="Perturb each region N times (its edge, and noise) and write the ICC of each feature to "
            "FILE.robustness.parquet. Takes N times as long, and needs several regions.",
        ),
    ] = 0,
) -> None:
    """Radiomic features of IBSI-1, one row for each region, under the tags of IBSI.

    Every region is laid on the volume that it names, or on the only one there is. What is wrong with a region or a
    family of features stands in its row and stops no other. Ends with 0 where every value was made, with 5 where some
    are missing or something was left out: the table says why. The name of a region is written as it was typed and may
    name a person.
    """
    from tasks.core.errors import ConfigurationError
    from tasks.core.settings import Settings, check_settings, read_yaml
    from tasks.core.settings.radiomics import RadiomicsSettings
    from tasks.transform.features import tabulate_features

    if out.suffix != ".parquet":
        raise ConfigurationError("--out must end with .parquet")
    if not out.parent.is_dir():
        raise ConfigurationError("the folder of --out does not exist: make it first")
    chosen, whole = Settings(radiomics=RadiomicsSettings()), False
    if settings is not None:
        raw = read_yaml(settings)
        if not isinstance(raw, dict):
            raise ConfigurationError("--settings must hold keys such as interpolation: and discretisation:")
        whole = bool(raw.keys() & set(Settings.model_fields))
        chosen = check_settings(raw if whole else {"radiomics": raw}, "--settings")
    transform = read_settings(settings if whole else None, allow)
    summary = tabulate_features(source, roi or [], out, chosen.radiomics, transform, console.print, robustness)
    console.print(f"features    {out}  ({summary.rows} rows, {summary.values:,} values)")
    console.print(f"columns     {summary.dictionary}")
    if robustness:
        console.print(f"robustness  {out.with_suffix('.robustness.parquet')}")
    if summary.codes:
        _print_codes(summary.codes)
    if summary.incomplete:
        raise typer.Exit(INCOMPLETE)


def _print_codes(codes: dict[str, int]) -> None:
    from tasks.transform.radiomics.problems import Problem
    from tasks.transform.roi.model import Finding

    told = {**{one.value: one.sentence for one in Finding}, **{one.value: one.sentence for one in Problem}}
    table = Table(box=None, pad_edge=False)
    for heading in ("problem or finding", "rows", "meaning"):
        table.add_column(heading, overflow="fold")
    for code, rows in codes.items():
        table.add_row(code, str(rows), told.get(code, ""))
    console.print(table, soft_wrap=False)

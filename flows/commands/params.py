"""`sluice params` and `sluice reasons`: what can be set, and what each outcome means, read from the code itself."""

from __future__ import annotations

import json

from rich.table import Table

from flows.commands.common import command, console
from tasks.core.models import Frozen
from tasks.core.reasons import Reason
from tasks.core.settings import Settings


@command
def params() -> None:
    """Explain every key of params.yaml with its default."""
    table = Table(box=None, pad_edge=False)
    for heading in ("key", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for key, default, meaning in describe(Settings, ""):
        table.add_row(key, default, meaning)
    console.print(table, soft_wrap=False)


@command
def reasons() -> None:
    """Explain each reason for which an instance is quarantined or skipped, and what to do about it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("reason", "outcome", "meaning", "what to do"):
        table.add_column(heading, overflow="fold")
    for reason in Reason:
        table.add_row(reason.code, reason.disposition.value, reason.sentence, reason.remedy)
    console.print(table, soft_wrap=False)


def describe(model: type[Frozen], prefix: str) -> list[tuple[str, str, str]]:
    """Rows (key, default as JSON, meaning) of a settings model, nested models in place."""
    rows = []
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, Frozen):
            rows += describe(annotation, f"{prefix}{name}.")
        else:
            default = json.dumps(field.get_default(call_default_factory=True), default=list)
            rows.append((f"{prefix}{name}", default, field.description or ""))
    return rows

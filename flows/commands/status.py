"""`sluice status`: where every instance is, and why."""

from __future__ import annotations

from flows.commands.common import WorkspaceOption, command, console, open_workspace


@command
def status(workspace: WorkspaceOption = None) -> None:
    """Show what became of every instance and why, the gates, the releases and the models trained on them."""
    from flows.summary import print_summary

    place = open_workspace(workspace)
    console.print(f"workspace      {place.root}")
    print_summary(place, console)

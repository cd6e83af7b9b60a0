"""`sluice retry`: let in again what was refused, once its cause is gone."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.common import WorkspaceOption, choose, command, console, open_workspace
from tasks.core.errors import ConfigurationError
from tasks.core.reasons import Reason


@command
def retry(
    reason: Annotated[str, typer.Argument(help="A reason code of `sluice status`, e.g. set-aside.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Let the next run work again on every series that has an instance refused for REASON.

    `sluice retry uid-collision` also takes what the source holds now, where that replaced what was taken. Series that
    were deleted at the source stay as they are. So do the releases that there are. `sluice reasons` lists all codes.
    """
    from flows import change_feed
    from flows.remedies import JUDGED_BY_EVERY_LOOK
    from tasks.record.ledger import Ledger
    from tasks.record.sightings import forget_changed, read_sightings

    code = Reason.of(choose("reason", reason, [known.code for known in Reason]))
    if code in JUDGED_BY_EVERY_LOOK:
        raise ConfigurationError(f"{code.code} is not for retry, since each run looks at it anew: {code.remedy}")
    place = open_workspace(workspace)
    with Ledger.open(place) as ledger:
        sightings = read_sightings(ledger.database).values()
        gone = {sighting.unit for sighting in sightings if sighting.gone}
        opened = ledger.reopen(code, keep=gone)
        if code is Reason.UID_COLLISION and (changed := forget_changed(ledger.database)):
            change_feed.list_everything(place, ledger)
            opened += changed
        outside = 0 if opened else ledger.count_outside(code)
    if opened:
        console.print(f"{opened} series are open again; `sluice run` works on them")
    elif outside:
        console.print(f"{outside} items outside any series have this reason, and each run looks at them: {code.remedy}")
    else:
        console.print(f"0 series are open again: nothing is refused as {code.code}")

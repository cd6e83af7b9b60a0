"""What to do with a batch that failed: again, series by series; aside with a series that always fails; or stop.

A source that is down, a wrong setting and broken books stop the run. So does what lets nothing pass at all: it is
no series' fault. An attempt counts only for a series that was alone in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect import get_run_logger
from prefect.client.schemas.objects import State

from tasks.core.errors import ConfigurationError, ContractViolation, SluiceError, TransientSourceError, UnitError
from tasks.core.models import Item, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace
from tasks.deidentify.stage import STAGE, stage_key
from tasks.extract.select import Selection
from tasks.extract.source import Source
from tasks.record.ledger import Ledger

_TOO_MANY = 5


class Failures:
    """The failures of one run. `alone`: series to be worked on alone; `again`: whether some are to be done again."""

    def __init__(self, workspace: Workspace, ledger: Ledger, source: Source, selection: Selection) -> None:
        self.limit = workspace.settings.run.max_attempts
        self.alone: set[str] = set()
        self.again = False
        self.fatal: SluiceError | None = None
        self._workspace, self._ledger, self._source, self._selection = workspace, ledger, source, selection
        self._stumbled: list[tuple[Unit, str, SluiceError]] = []

    def note(self, units: Sequence[Unit], stage: str, error: SluiceError) -> None:
        """`stage` failed with `error` on a batch."""
        if self._stops(error):
            self.fatal = self.fatal or error
        elif len(units) == 1:
            self._stumbled.append((units[0], stage, error))
        else:
            get_run_logger().warning("%s failed on a batch; its %d series are done one by one", stage, len(units))
            self.alone |= {unit.unit for unit in units}
            self.again = True

    def judge(self, passed: int) -> None:
        """After a round in which `passed` series went through: count attempts, and set aside who has no more."""
        stumbled, self._stumbled = self._stumbled, []
        if not passed and len(stumbled) > _TOO_MANY:
            raise stumbled[0][2]
        for unit, stage, error in stumbled:
            self.again = True
            self.alone.add(unit.unit)
            code = code_of(error)
            count = self._ledger.fail(unit, stage, code)
            get_run_logger().warning("series %s: %s failed (%s), attempt %d", unit.unit, stage, code, count)
            if count >= self.limit:
                self._set_aside(unit)

    def _stops(self, error: SluiceError) -> bool:
        if isinstance(error, TransientSourceError):
            return not self._source.alive()
        return isinstance(error, ConfigurationError | ContractViolation)

    def _set_aside(self, unit: Unit) -> None:
        """Give every item of `unit` its outcome, so that the books balance without it."""
        handles = self._selection.handles.get(unit.unit)
        names = [handle.item for handle in handles] if handles else self._known(unit)
        result = UnitResult(unit=unit.unit, items=tuple(Item.refused(name, Reason.SET_ASIDE) for name in names))
        (self._workspace.deidentified / unit.archive).unlink(missing_ok=True)
        key = stage_key(self._workspace)
        self._ledger.record(unit, "extract", key, result)
        self._ledger.record(unit, STAGE, key, result)
        get_run_logger().error(
            "series %s is set aside after %d attempts: `sluice retry %s` lets it in again",
            unit.unit,
            self.limit,
            Reason.SET_ASIDE.code,
        )

    def _known(self, unit: Unit) -> list[str]:
        found = self._ledger.results([unit], STAGE).get(unit.unit)
        return [item.item for item in found.items] if found else []


def error_of(state: State[int]) -> SluiceError:
    """Why a batch step ended as it did."""
    try:
        state.result()
    except SluiceError as error:
        return error
    except Exception as error:
        return TransientSourceError(f"a batch ended with {type(error).__name__}; run again and it goes on from here")
    return TransientSourceError("a batch did not finish; run again and it goes on from here")


def code_of(error: SluiceError) -> str:
    """A short code for an error, without any of its text."""
    if isinstance(error, UnitError):
        return error.reason.code
    return "source-failed" if isinstance(error, TransientSourceError) else "unexpected-error"

"""How a flow ends: an explicit state whose name says why, with one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectException
from prefect.states import Completed, Failed

from tasks.core.entry import plainly, quiet_libraries
from tasks.core.errors import ConfigurationError, ContractViolation, PartialTransfer, SluiceError, TransientSourceError
from tasks.core.models import Tally

NAMES: dict[type[SluiceError], str] = {
    ConfigurationError: "Misconfigured",
    ContractViolation: "Blocked",
    TransientSourceError: "SourceDown",
    PartialTransfer: "Partial",
}
EXIT_CODES = {name: kind.exit_code for kind, name in NAMES.items()}


def decided(work: Callable[[], State[Any]]) -> State[Any]:
    """Run the body of a flow; whatever goes wrong becomes a Failed state that quotes no header and has no traceback."""
    quiet_libraries()
    try:
        return work()
    except SluiceError as error:
        return Failed(name=_name_of(error), message=str(error))
    except PrefectException as error:
        return Failed(message=f"Prefect: {type(error).__name__}; look at the server's log")
    except Exception as error:
        return Failed(message=plainly(error))


def _name_of(error: SluiceError) -> str:
    return next((name for kind, name in NAMES.items() if isinstance(error, kind)), "Failed")


def completed(tally: Tally, message: str) -> State[Any]:
    """Completed, under the name Quarantined where something was held back."""
    return Completed(name="Quarantined" if tally.quarantined else "Completed", message=message)


class FlowFailed(SluiceError):
    """A flow ended in a state that isn't Completed; told as the state's message."""

    def __init__(self, state: State[Any]) -> None:
        words = (state.message or f"the run ended {state.name}").split()  # Prefect's own messages have several lines
        super().__init__(" ".join(words))
        self.exit_code = EXIT_CODES.get(state.name or "", 1)


def told(state: State[Any]) -> str:
    """A flow's last state in one line, for the shell; raises `FlowFailed` if it isn't Completed."""
    if not state.is_completed():
        raise FlowFailed(state)
    return f"{state.name}: {state.message}"

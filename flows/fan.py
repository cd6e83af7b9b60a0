"""Runs of a deployment for one window after another, a few at a time, each at most once."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prefect.client.schemas.objects import FlowRun

from flows.deployed import look, start_once
from flows.outcome import EXIT_CODES
from flows.windows import Window
from tasks.core.errors import ConfigurationError

MAX_ATTEMPTS = 50
DONE_BEFORE = "done before"
LOOK_EVERY = 4.0
_TIDY_EVERY = 30.0
_CRASHES = 3
_STOPPING = ("Misconfigured", "SourceDown")


class Fan:
    """Runs of one deployment by window. `key` names a window for good; `given` are the other parameters.

    `tidy` is called now and then: it marks runs Crashed whose process died, and such a window gets another run.

    After `run`: `outcomes` by window, whether one `failed`, and the state that `stopped` it before its end, because all
    other windows would have met the same.
    """

    def __init__(
        self,
        deployment: str,
        key: Callable[[Window], str],
        given: Mapping[str, Any],
        at_once: int,
        tidy: Callable[[], None],
    ) -> None:
        self.outcomes: dict[Window, str] = {}
        self.failed = False
        self.stopped: str | None = None
        self._deployment, self._key, self._given, self._at_once = deployment, key, given, at_once
        self._tidy, self._tidied = tidy, 0.0
        self._crashes = Counter[Window]()

    def run(self, windows: Sequence[Window]) -> Iterator[tuple[Window, str]]:
        """Bring all `windows` to their end, in order; yields each with its outcome."""
        waiting, flying = deque(windows), dict[Window, FlowRun]()
        while waiting or flying:
            if time.monotonic() - self._tidied > _TIDY_EVERY:
                self._tidy()
                self._tidied = time.monotonic()
            while waiting and len(flying) < self._at_once:
                window = waiting.popleft()
                run, is_over = self._ensure(window)
                if is_over:
                    yield self._noted(window, DONE_BEFORE)
                else:
                    flying[window] = run
            for window, state in [(window, look(run).state) for window, run in flying.items()]:
                if state is None or not state.is_final():
                    continue
                del flying[window]
                self._crashes[window] += state.is_crashed()
                if state.is_crashed() and self._crashes[window] < _CRASHES:
                    waiting.appendleft(window)
                    continue
                if not state.is_completed():
                    self.failed = True
                    if state.name in _STOPPING:
                        self.stopped = state.name
                        waiting.clear()
                yield self._noted(window, state.name if state.name in EXIT_CODES else state.type.value.lower())
            if flying:
                time.sleep(LOOK_EVERY)

    def _noted(self, window: Window, outcome: str) -> tuple[Window, str]:
        self.outcomes[window] = outcome
        return window, outcome

    def _ensure(self, window: Window) -> tuple[FlowRun, bool]:
        """The run of `window` that is to be waited for, and whether it was through before."""
        parameters = {"start": window[0].isoformat(), "end": window[1].isoformat(), **self._given}
        for attempt in range(MAX_ATTEMPTS):
            before = datetime.now(UTC)
            run = start_once(self._deployment, parameters, f"{self._key(window)}:{attempt}")
            is_new = run.created is not None and run.created >= before
            if is_new or run.state is None or not run.state.is_final():
                return run, False
            if run.state.is_completed():
                return run, True
        raise ConfigurationError(f"the window from {window[0]} failed {MAX_ATTEMPTS} times: see its runs in the UI")

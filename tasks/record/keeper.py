"""What says for a run that it lives, in threads of its own: renews its leases, and hands its events on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tasks.core.closing import Closing
from tasks.core.errors import SluiceError
from tasks.record.ledger import Ledger
from tasks.record.outbox import Sink, publish

logger = logging.getLogger(__name__)

_LONGEST = 5.0


class Keeper(Closing):
    """Renews what `holder` has as long as this process lives; a failure is said once and tried again."""

    def __init__(self, ledger: Ledger, holder: str, seconds: float, sink: Sink) -> None:
        self._ledger, self._holder, self._seconds, self._sink = ledger, holder, seconds, sink
        self._silent: set[str] = set()
        self._done = threading.Event()
        pause = min(seconds / 4, _LONGEST)
        self._threads = [  # two, since a sink that hangs must not cost the leases
            threading.Thread(target=self._repeat, args=(work, pause), name=work.__name__, daemon=True)
            for work in (self._renew, self._hand_on)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and hand on what is still in the outbox."""
        self._done.set()
        for thread in self._threads:
            thread.join()
        self._try(self._hand_on)

    def _repeat(self, work: Callable[[], None], pause: float) -> None:
        while not self._done.wait(pause):
            self._try(work)

    def _renew(self) -> None:
        self._ledger.renew(self._holder, self._seconds)

    def _hand_on(self) -> None:
        publish(self._ledger, self._sink, self._holder)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except SluiceError as error:
            if str(error) not in self._silent:
                self._silent.add(str(error))
                logger.warning("%s", error)

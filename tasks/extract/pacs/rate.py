"""When the PACS may be asked for images, and how fast. What is asked for belongs in move.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = 60.0


@dataclass(frozen=True)
class Hours:
    """A daily window of local time, e.g. 19:00-06:00, which may reach over midnight; empty is always."""

    text: str = ""

    def opens_in(self, now: datetime) -> float:
        """Seconds until the window is open; 0 while it is."""
        if not self.text:
            return 0.0
        first, last = (now.replace(hour=hour, minute=minute, second=0, microsecond=0) for hour, minute in self._ends())
        inside = first <= now < last if first < last else now >= first or now < last
        if inside:
            return 0.0
        begin = first if now < first else first + timedelta(days=1)
        return (begin - now).total_seconds()

    @property
    def begins(self) -> str:
        """When the window opens, as the settings say it."""
        return self.text.partition("-")[0]

    def _ends(self) -> list[tuple[int, int]]:
        return [(int(text[:2]), int(text[3:])) for text in self.text.split("-")]


class Pace:
    """The cap of instances a minute: who has asked for n waits until n are due before asking again."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._next = clock()

    def delay(self) -> float:
        """Seconds until the next ask is due; 0 if it may be made now."""
        return max(0.0, self._next - self._clock())

    def take(self, instances: int) -> None:
        """Count what was just asked for."""
        if self._per_minute:
            self._next = max(self._next, self._clock()) + max(1, instances) * MINUTE / self._per_minute

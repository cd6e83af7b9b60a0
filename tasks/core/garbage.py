"""How often Python looks for garbage. Imports nothing of ours: it is asked before the imports that it is about."""

from __future__ import annotations

import gc


def collect_less() -> None:
    """Look for garbage after 100,000 new objects, not 700.

    What a start imports and reads stays; to look through it again and again takes a quarter of a run with nothing new.
    """
    gc.set_threshold(100_000, 20, 20)

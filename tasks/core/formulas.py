"""Text that a spreadsheet would run as a formula, made harmless and back (OWASP, CSV Injection), for all our CSV."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"^'*[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def neutral(text: str) -> str:
    """`text` with an apostrophe before it where it begins like a formula and is no number."""
    return f"'{text}" if _runs(text) else text


def original(cell: str) -> str:
    """What `neutral` made `cell` of."""
    return cell[1:] if cell.startswith("'") and _runs(cell[1:]) else cell


def _runs(text: str) -> bool:
    """One with apostrophes before it already counts too, so that the way back is clear."""
    return bool(_FORMULA.match(text)) and not _NUMBER.match(text)

"""A site's overrides: checked, and looked up. They stand above the table.

A key is a keyword, a tag (`0010,0010`), or a private attribute with its creator: `(0019,xx0C) SIEMENS MR HEADER`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from tasks.core.errors import ConfigurationError
from tasks.deidentify.rules import private, tables
from tasks.deidentify.rules.actions import TEMPORAL, TEXT, Action, Decision
from tasks.deidentify.rules.names import Named, named

WHERE = "deidentify.overrides"
IDENTITY = frozenset({"PatientID", "PatientName", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"})


@dataclass(frozen=True)
class Overrides:
    """The checked overrides: ((keyword, or private name), action), sorted."""

    actions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: dict[str, str]) -> Overrides:
        """Raises `ConfigurationError` for an unknown name, an action that does not fit, or a name said twice."""
        found: dict[str, str] = {}
        for text, action in settings.items():
            what = named(text, WHERE)
            name = _private(what, action) if what.private else _public(text, what, action)
            if found.setdefault(name, action) != action:
                raise ConfigurationError(f"{WHERE}: {name} is said to be {found[name]} and {action}; keep one of them")
        return cls(tuple(sorted(found.items())))

    @cached_property
    def by_name(self) -> dict[str, str]:
        """{name: action}."""
        return dict(self.actions)

    @cached_property
    def _by_element(self) -> dict[tuple[str, int, int], str]:
        found = {}
        for name, action in self.actions:
            if name.startswith("("):
                what = named(name, WHERE)
                found[private.folded(what.creator), what.tag >> 16, what.tag & 0xFF] = action
        return found

    @cached_property
    def _creators(self) -> dict[str, str]:
        return {
            private.folded(named(name, WHERE).creator): named(name, WHERE).creator
            for name, action in self.actions
            if name.startswith("(") and action != "X"
        }

    def of_element(self, creator: str, tag: int) -> str | None:
        """The action that the site chose for a private element, None where it chose none."""
        if not self._by_element or tag & 0xFFFF <= 0xFF:
            return None
        return self._by_element.get((private.folded(creator), tag >> 16, tag & 0xFF))

    def spelling(self, creator: str) -> str | None:
        """How the site spells a creator of whose elements it keeps some."""
        return self._creators.get(private.folded(creator)) if self._creators else None


def decided(action: str, vr: str, base: Action) -> Decision:
    """What an override does to a value of `vr`; `base` is what the table would do, where the value doesn't allow it."""
    if action == "C":
        if vr in ("DA", "DT"):
            return Decision(Action.SHIFT, base)
        if vr == "TM":
            return Decision(Action.KEEP, base)
        return Decision(Action.CLEAN, base) if vr in TEXT or vr in ("CS", "SQ") else Decision(base)
    if action == "D" and vr == "UI":
        return Decision(Action.UID)
    return Decision(Action(action), base)


def _public(text: str, what: Named, action: str) -> str:
    keyword, known = tables.name_of(what.tag), tables.value_representations(what.tag)
    if not keyword or not known or what.tag >> 16 in (0, 2, 4):
        raise ConfigurationError(f"{WHERE}: {text} is not an attribute of a data set in PS3.6, so it always goes")
    if keyword in IDENTITY:
        raise ConfigurationError(f"{WHERE}: {keyword} always gets a pseudonym; take it out")
    if action == "U" and "UI" not in known:
        raise ConfigurationError(f"{WHERE}: {keyword} is no UID, so U does not fit; use X, Z, D, K or C")
    if action == "C" and not set(known) & (TEXT | TEMPORAL | {"CS", "SQ"}):
        raise ConfigurationError(
            f"{WHERE}: {keyword} is no text, date or sequence, so C does not fit; use X, Z, D or K"
        )
    return keyword


def _private(what: Named, action: str) -> str:
    if not what.creator:
        raise ConfigurationError(
            f"{WHERE}: {what} is private: name its creator too, e.g. ({what.tag >> 16:04X},xx0C) ACME"
        )
    if not what.creator.isascii() or len(what.creator) > 64:
        raise ConfigurationError(f"{WHERE}: the creator of {what} must be ASCII of at most 64 characters")
    if what.tag & 0xFFFF <= 0xFF:
        raise ConfigurationError(f"{WHERE}: {what} reserves a block; it stays where something of the block does")
    if action not in ("X", "K", "C", "U"):
        raise ConfigurationError(f"{WHERE}: {what} is private, so {action} does not fit; use X, K, C or U")
    return str(what)

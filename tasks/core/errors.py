"""Errors named by what happens next. Every message is one line, says what to do, and names no patient."""

from __future__ import annotations

from tasks.core.reasons import Reason


class SluiceError(Exception):
    """Base of every error that Sluice raises on purpose; `exit_code` is what the shell sees."""

    exit_code = 1


class ConfigurationError(SluiceError):
    """Something the user set is wrong or missing; raised before work starts."""

    exit_code = 2


class Occupied(ConfigurationError):
    """Somebody else holds what this needs for itself."""


class ContractViolation(SluiceError):
    """The books do not balance or a gate refused: the flow stops and the last release stays as it was."""

    exit_code = 3


class TransientSourceError(SluiceError):
    """The source or the network failed in a way that may pass; the task is retried with backoff."""

    exit_code = 4


class PartialTransfer(SluiceError):
    """Less arrived than the PACS says that it has: never a success."""

    exit_code = 5


class LeaseLost(SluiceError):
    """Another run took over the series, so what this one made of it is not entered."""


class UnitError(SluiceError):
    """One unit or instance leaves the pipeline with a reason; the rest goes on."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"{reason.code}: {reason.sentence}")
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnitError], tuple[Reason]]:
        return type(self), (self.reason,)


class QuarantineUnit(UnitError):
    """Refused because it might harm a patient's privacy or the dataset."""


class SkipUnit(UnitError):
    """Not taken because it isn't what the dataset is made of."""

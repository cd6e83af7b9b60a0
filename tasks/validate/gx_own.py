"""Expectations of our own, where Great Expectations has none: groups, look-alikes, and drift against the last release.

Imported by `gx.py` alone, when it is needed: the import registers the classes under their names in snake case. The
counting is in `groups.py` and `drift.py`; only counts go into a result.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pandas as pd
from great_expectations.core.suite_parameters import SuiteParameterDict
from great_expectations.expectations.expectation import BatchExpectation

from tasks.core.distributions import bins_of
from tasks.validate.drift import has_moved
from tasks.validate.groups import alike_across, in_small_groups


class _OverRows(BatchExpectation):  # type: ignore[misc]
    """An expectation that counts the rows of the whole frame which break it."""

    def _validate(
        self,
        metrics: Any,  # noqa: ARG002
        runtime_configuration: Any = None,  # noqa: ARG002
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        frame: pd.DataFrame = execution_engine.get_domain_records(domain_kwargs={"batch_id": self.batch_id})
        broken = self._broken(frame, self._get_success_kwargs())
        return {"success": broken == 0, "result": {"element_count": len(frame), "unexpected_count": broken}}

    def _broken(self, frame: pd.DataFrame, given: dict[str, Any]) -> int:
        raise NotImplementedError


class ExpectGroupsToHoldAtLeast(_OverRows):
    """Each combination of values of `columns` is shared by at least `k` different values of `of`."""

    columns: list[str]
    of: str
    k: int | SuiteParameterDict

    success_keys: ClassVar[tuple[str, ...]] = ("columns", "of", "k")

    def _broken(self, frame: pd.DataFrame, given: dict[str, Any]) -> int:
        return int(in_small_groups(frame, given["columns"], given["of"], int(given["k"])).sum())


class ExpectLookalikesToStayWithinGroup(_OverRows):
    """Images whose perceptual hashes in `column` differ in at most `distance` bits are all of one `group`."""

    column: str
    group: str
    distance: int

    success_keys: ClassVar[tuple[str, ...]] = ("column", "group", "distance")

    def _broken(self, frame: pd.DataFrame, given: dict[str, Any]) -> int:
        return int(alike_across(frame, given["column"], given["group"], given["distance"]).sum())


class ExpectColumnToKeepItsDistribution(_OverRows):
    """The bins of `column` are about as full as `last` says of `table`, by the population stability index."""

    table: str
    column: str
    psi: float
    last: dict[str, Any] | SuiteParameterDict

    success_keys: ClassVar[tuple[str, ...]] = ("table", "column", "psi", "last")

    def _broken(self, frame: pd.DataFrame, given: dict[str, Any]) -> int:
        before = given["last"].get("bins", {}).get(given["table"], {}).get(given["column"])
        if before is None:  # there was no release before, or it did not count this column
            return 0
        return len(frame) if has_moved(bins_of(given["column"], frame[given["column"]]), before, given["psi"]) else 0

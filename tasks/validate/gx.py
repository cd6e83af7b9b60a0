"""The adapter of Great Expectations: frames and suites in, verdicts out. `gx_own.py` adds expectations that it lacks.

It is imported where it is used, since that takes seconds. No result of it is stored or logged: even with
exclude_unexpected_values some expectations (distinct values, for one) put failing values into theirs, and a
traceback may quote a cell. Only counts leave this module.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.core.errors import ConfigurationError
from tasks.core.models import Verdict
from tasks.validate.suites import Rule, Suite

RESULT_FORMAT = {"result_format": "COMPLETE", "exclude_unexpected_values": True, "unexpected_index_column_names": []}
UNDECIDED = " (the rule could not be computed: look for its column and the type of that column)"


def judge(
    suites: tuple[Suite, ...],
    frames: Mapping[str, pd.DataFrame],
    folder: Path,
    parameters: Mapping[str, Any] | None = None,
) -> list[Verdict]:
    """One verdict for each rule of `suites` over the frame of the suite's name; a rule that can't be computed fails.

    Works in memory (an ephemeral context): nothing is written and nothing is sent. `folder` is where the suites lie,
    to name the file of a rule that Great Expectations does not accept (`ConfigurationError`). `parameters` are the
    values of what suites write as {"$PARAMETER": "name"}.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    _silence()
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    importlib.import_module("tasks.validate.gx_own")  # registers them

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("curated")
    verdicts = []
    for suite in suites:
        accepted = gx.ExpectationSuite(
            name=suite.name,
            expectations=[_accept(rule, folder / f"{suite.name}.json") for rule in suite.expectations],
        )
        if not accepted.expectations:
            continue
        frame = frames[suite.name]
        asset = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("whole")
        outcome = asset.get_batch({"dataframe": frame}).validate(
            accepted, result_format=RESULT_FORMAT, expectation_parameters=dict(parameters or {})
        )
        results = {result.expectation_config.meta["rule"]: result for result in outcome.results}
        verdicts += [_verdict(suite.name, rule, results.get(rule.meta.rule), len(frame)) for rule in suite.expectations]
    return verdicts


def _silence() -> None:
    """Keep the library's own log out of ours: its tracebacks quote cells. (Its modules set their levels themselves.)"""
    library = logging.getLogger("great_expectations")
    library.propagate = False
    library.handlers = [logging.NullHandler()]


def _accept(rule: Rule, path: Path) -> Any:
    """The expectation of `rule`. Built one by one, because a suite drops a wrong one with no more than a log line."""
    from great_expectations.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        return ExpectationConfiguration(
            type=rule.type, kwargs=rule.kwargs, severity=rule.severity, meta=rule.meta.model_dump()
        ).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError):
        raise ConfigurationError(
            f"{path}: rule {rule.meta.rule}: Great Expectations does not know {rule.type} with these kwargs"
        ) from None


def _verdict(suite: str, rule: Rule, result: Any, rows: int) -> Verdict:
    """The verdict on one rule; where a rule is about the whole table, all its rows break it."""
    passed = result is not None and bool(result.success)
    counted = result.result.get("unexpected_count") if result is not None and "element_count" in result.result else None
    computed = result is not None and "raised_exception" in result.exception_info
    return Verdict(
        suite=suite,
        rule=rule.meta.rule,
        severity=rule.severity,
        passed=passed,
        rows=0 if passed else int(rows if counted is None else counted),
        sentence=rule.meta.sentence + ("" if computed else UNDECIDED),
        fix=rule.meta.fix,
    )

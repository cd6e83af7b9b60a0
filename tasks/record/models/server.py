"""Reaching MLflow: a quiet client and experiment at a tracking address, and its errors in one line without a password.

What is logged there is in `lineage` (trainings), `enhancements` and `promotion`.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tasks.core.errors import ConfigurationError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "GIT_PYTHON_REFRESH": "quiet",
}


@contextmanager
def plain_mlflow(tracking_uri: str) -> Iterator[None]:
    """Quiet MLflow, and turn what it raises into one line without a password."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    place = without_password(tracking_uri)
    from mlflow.exceptions import MlflowException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MlflowException as error:
        status = error.get_http_status_code()
        words = str(error).lower()
        if status in (401, 403) or "401" in words or "unauthorized" in words or "permission denied" in words:
            raise ConfigurationError(
                f"MLflow at {place} refuses the user or password: set MLFLOW_TRACKING_USERNAME and _PASSWORD"
            ) from None
        if "max retries" in words or "api request" in words or "connection" in words or status >= 500:
            raise ConfigurationError(
                f"MLflow at {place} does not answer: start it, or correct MLFLOW_TRACKING_URI"
            ) from None
        raise ConfigurationError(f"MLflow at {place} refused to log the training ({error.error_code})") from None


def open_client(tracking_uri: str) -> MlflowClient:
    """A client of the MLflow at `tracking_uri`, which answered; everything logged afterwards goes there."""
    import mlflow

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    client = mlflow.MlflowClient(tracking_uri)
    client.search_experiments(max_results=1)  # a wrong address or password shows here, before anything is made
    return client


def open_experiment(client: MlflowClient, name: str, tracking_uri: str) -> None:
    """Log into experiment `name`. Beside a database file, MLflow would keep artifacts wherever the command is run."""
    import mlflow

    beside = tracking_uri.removeprefix("sqlite:///")
    if beside != tracking_uri and client.get_experiment_by_name(name) is None:
        client.create_experiment(name, artifact_location=(Path(beside).resolve().parent / "mlruns").as_uri())
    mlflow.set_experiment(name)


def without_password(uri: str) -> str:
    """An address for messages and links."""
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        return "its address"
    return url._replace(username=None, password=None).render_as_string() if url.host else uri.split("?")[0]

"""Artifacts and progress in the Prefect UI, by which no run may fail: a server that went away misses a picture only.

What an artifact says belongs into the flow or into `artifacts`.
"""

from __future__ import annotations

import html
import logging
import time
from typing import Any
from uuid import UUID

from httpx import HTTPError, HTTPStatusError, TransportError, codes
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import SettingsContext, get_settings_context
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, Settings
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

logger = logging.getLogger(__name__)

SILENT = (PrefectException, HTTPError, OSError)
"""What Prefect's client raises when its server doesn't answer."""

_PATIENCE = 30.0
_EVERY = 5.0
_AFTER_SILENCE = 30.0


def is_away(error: BaseException) -> bool:
    """Whether `error` says that the server is away for now, not that it refuses."""
    if isinstance(error, HTTPStatusError):
        return error.response.status_code >= codes.INTERNAL_SERVER_ERROR
    return isinstance(error, TransportError | OSError)


def table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    """Show a table, whose texts stay texts."""
    cells = [{name: plain(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    _show(create_table_artifact, key, table=cells, description=description)


def plain(text: str) -> str:
    """`text` without HTML and links: Prefect's UI renders every cell as Markdown, and sanitises nothing."""
    return html.escape(text, quote=False).replace("](", "]\\(")


def link(key: str, address: str, words: str, description: str) -> None:
    """Show a link."""
    _show(create_link_artifact, key, link=address, link_text=words, description=description)


def page(key: str, markdown: str, description: str | None = None) -> None:
    """Show a text."""
    _show(create_markdown_artifact, key, markdown=markdown, description=description)


def _show(create: Any, key: str, **given: Any) -> None:
    retrying = Retrying(
        stop=stop_after_delay(_PATIENCE),
        wait=wait_exponential(multiplier=0.5, max=5.0),
        retry=retry_if_exception_type(SILENT),
        reraise=True,
    )
    try:
        with _under(_impatient()):
            retrying(create, key=key, **given)
    except SILENT as error:
        logger.warning("the artifact `%s` is missing: Prefect's server does not answer (%s)", key, type(error).__name__)


def _impatient() -> Settings:
    """Prefect's client would try again for a minute by itself, at every batch."""
    return get_settings_context().settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 0})


def _under(settings: Settings) -> SettingsContext:
    return SettingsContext(profile=get_settings_context().profile, settings=settings)


class Progress:
    """A bar in the UI that isn't moved more often than people look; call it with (done, total)."""

    def __init__(self, key: str, noun: str) -> None:
        self._key, self._noun = key, noun
        self._artifact: UUID | None = None
        self._next = 0.0
        self._settings = _impatient()  # once: to make them takes longer than to move the bar

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if total == 0 or now < self._next - (_EVERY if done == total else 0.0):
            return
        self._next = now + _EVERY
        percent, words = 100.0 * done / total, f"{done} of {total} {self._noun}"
        try:
            with _under(self._settings):
                if self._artifact is None:
                    made = create_progress_artifact(percent, key=self._key, description=words)
                    assert isinstance(made, UUID)  # in a synchronous flow it is no coroutine
                    self._artifact = made
                else:
                    update_progress_artifact(self._artifact, percent, description=words)
        except SILENT as error:
            self._next = now + _AFTER_SILENCE
            logger.debug("the bar `%s` stands still: %s", self._key, type(error).__name__)

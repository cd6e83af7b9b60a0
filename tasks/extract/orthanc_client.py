"""Talking to Orthanc's REST interface: connection settings, and what each failure means to us.

httpx's errors and Orthanc's answers quote addresses with Orthanc IDs, which are hashes of identifiers: none gets out.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from pyorthanc import Orthanc
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from tasks.core.errors import ConfigurationError, TransientSourceError
from tasks.extract.source import MissingAtSource

logger = logging.getLogger(__name__)

CHUNK = 1 << 20
CONNECT_SECONDS = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_AGAIN = Retrying(
    stop=stop_after_attempt(3),
    wait=wait_random_exponential(multiplier=0.1, max=1.0),
    retry=retry_if_exception_type(TransientSourceError),
    reraise=True,
)


class OrthancClient:
    """One server. Safe to share between threads: httpx keeps a pool of connections."""

    def __init__(
        self, url: str, user: str | None, password: str | None, ca: Path | None, *, timeout: float, connections: int
    ) -> None:
        self.url = url.rstrip("/")
        self._orthanc = Orthanc(
            self.url,
            user,
            password,
            return_raw_response=True,
            base_url=self.url,
            headers={"Accept-Encoding": "identity"},  # Orthanc gzips by default, which is thirty times slower
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            limits=httpx.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2),
            verify=_trust(ca),
            trust_env=False,  # a proxy of the internet has no business between us and the hospital's Orthanc
        )

    @classmethod
    def from_environment(cls, *, timeout: float, connections: int) -> OrthancClient:
        """The server of SLUICE_ORTHANC_URL, with _USER, _PASSWORD and _CA (a PEM bundle) where they are set."""
        url = os.environ.get("SLUICE_ORTHANC_URL", "").strip()
        parts = _split(url)
        if parts is None:
            raise ConfigurationError(
                "SLUICE_ORTHANC_URL must be the address of an Orthanc, e.g. https://orthanc.example:8042"
                if url
                else "no Orthanc is named: set SLUICE_ORTHANC_URL, or extract.source: folder in params.yaml"
            )
        if "@" in parts:
            raise ConfigurationError("SLUICE_ORTHANC_URL holds a password: put it into SLUICE_ORTHANC_PASSWORD")
        user = os.environ.get("SLUICE_ORTHANC_USER") or None
        password = os.environ.get("SLUICE_ORTHANC_PASSWORD") or None
        ca = os.environ.get("SLUICE_ORTHANC_CA")
        if url.startswith("http://") and password and urlsplit(url).hostname not in _LOOPBACK:
            logger.warning("the password and the images travel unencrypted: use https:// in SLUICE_ORTHANC_URL")
        return cls(url, user, password, Path(ca) if ca else None, timeout=timeout, connections=connections)

    def find(self, level: str, query: dict[str, str], **more: Any) -> Any:
        """POST /tools/find: resources at `level` that match `query`."""
        body = {"Level": level, "Query": query, **more}
        return self._json(lambda: self._orthanc.post_tools_find(json=body))

    def resource(self, level: str, resource: str) -> Any:
        """One "Study" or "Series"."""
        get = self._orthanc.get_studies_id if level == "Study" else self._orthanc.get_series_id
        return self._json(lambda: get(resource))

    def instances_of(self, level: str, resource: str) -> Any:
        """The instances of a "study" or a "series", each with its FileSize."""
        get = self._orthanc.get_studies_id_instances if level == "study" else self._orthanc.get_series_id_instances
        return self._json(lambda: get(resource, params={"expand": ""}))

    def changes(self, **params: Any) -> Any:
        """A page of the change feed."""
        return self._json(lambda: self._orthanc.get_changes(params=params))

    def count_series(self) -> int:
        """How many series the server holds."""
        return int(self._json(self._orthanc.get_statistics)["CountSeries"])

    def check(self) -> None:
        """First contact: whatever is wrong now is for the user to put right before work starts."""
        try:
            system = self._json(self._orthanc.get_system)
        except (MissingAtSource, _Garbled):
            system = None
        except TransientSourceError:
            raise ConfigurationError(f"nothing answers at {self.url}: start it or set SLUICE_ORTHANC_URL") from None
        if not isinstance(system, dict) or "Version" not in system:
            raise ConfigurationError(f"what answers at {self.url} is no Orthanc: set SLUICE_ORTHANC_URL")

    def alive(self) -> bool:
        """Whether the server answers."""
        try:
            self._json(self._orthanc.get_system)
        except (TransientSourceError, MissingAtSource):
            return False
        return True

    def stream(self, instance: str) -> Iterator[bytes]:
        """The file of an instance, in pieces."""
        try:
            with self._orthanc.stream("GET", f"/instances/{instance}/file") as response:
                self._judge(response)
                yield from response.iter_raw(CHUNK)
        except httpx.HTTPError as error:
            raise self._told(error) from None

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A request to `path`, whose answer is not judged: what a PACS said to Orthanc is in its body."""
        try:
            return cast(httpx.Response, self._orthanc.request(method, path, **more))
        except httpx.HTTPError as error:
            raise self._told(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._orthanc.close()

    def _json(self, call: Callable[[], Any]) -> Any:
        """A listing is many requests: one that fails is asked again, or a poor network would never let all through."""
        result: Any = _AGAIN.copy()(self._asked, call)
        return result

    def _asked(self, call: Callable[[], Any]) -> Any:
        try:
            response = cast(httpx.Response, call())
        except httpx.HTTPError as error:
            raise self._told(error) from None
        self._judge(response)
        try:
            return response.json()
        except ValueError:
            raise _Garbled(f"the Orthanc at {self.url} answered half a sentence: look at the network between") from None

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (401, 403):
            raise ConfigurationError(
                f"the Orthanc at {self.url} refuses us ({status}): "
                "check SLUICE_ORTHANC_USER and SLUICE_ORTHANC_PASSWORD"
            )
        if status in (404, 410):
            raise MissingAtSource("the source no longer has an instance or a series that it listed")
        if status in _PASSING:
            raise TransientSourceError(f"the Orthanc at {self.url} answered {status}: look at its log, then run again")
        if not response.is_success:
            raise ConfigurationError(f"the Orthanc at {self.url} answered {status}: check SLUICE_ORTHANC_URL")

    def _told(self, error: httpx.HTTPError) -> ConfigurationError | TransientSourceError:
        tls = _find_tls_error(error)
        if isinstance(tls, ssl.SSLCertVerificationError):
            return ConfigurationError(
                f"the TLS certificate of {self.url} is not trusted or does not fit: "
                "set SLUICE_ORTHANC_CA to the PEM file of the authority that signed it"
            )
        if tls is not None and "WRONG_VERSION_NUMBER" in str(tls):
            return ConfigurationError(f"what answers at {self.url} speaks no TLS: set SLUICE_ORTHANC_URL to http://")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return ConfigurationError("SLUICE_ORTHANC_URL must start with http:// or https://")
        return TransientSourceError(
            f"the Orthanc at {self.url} does not answer ({type(error).__name__}): run again once it does"
        )


class _Garbled(TransientSourceError):
    """An answer that is no JSON: something cut it on its way."""


def _split(url: str) -> str | None:
    """The host part of an http(s) address; None if it is none."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0  # a bad port raises
    except ValueError:
        return None
    return parts.netloc if valid else None


def _trust(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError):
        raise ConfigurationError(f"SLUICE_ORTHANC_CA: {ca} is no readable PEM file of certificates") from None


def _find_tls_error(error: BaseException | None) -> ssl.SSLError | None:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error

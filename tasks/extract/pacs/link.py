"""The words exchanged with Orthanc about a remote modality: C-FIND, C-MOVE jobs, C-ECHO, and what Orthanc itself holds.

Orthanc's answers quote identifiers: what goes wrong is told by DIMSE status and by the modality's configured name only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tasks.core.closing import Closing
from tasks.core.errors import ConfigurationError, SluiceError, TransientSourceError
from tasks.core.settings import Settings
from tasks.extract.orthanc_client import OrthancClient
from tasks.extract.source import MissingAtSource

_STATUS = re.compile(r"DIMSE status (0x[0-9a-fA-F]{4})")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
ENDED = frozenset({"Success", "Failure", "Gone"})
Answer = dict[str, str]


@dataclass(frozen=True, repr=False)
class Held:
    """A series in Orthanc: its Orthanc ID, UID, patient, and how many instances there are."""

    resource: str
    series_uid: str
    patient_id: str
    count: int


class PacsRefused(SluiceError):
    """The PACS answered with a failure, as one does to a search that finds more than it wants to tell."""


class Link(Closing):
    """One remote modality of one Orthanc. Safe to share between threads."""

    def __init__(self, client: OrthancClient, pacs: str, silence: int) -> None:
        self._client = client
        self._pacs = pacs
        self._silence = silence

    @classmethod
    def from_environment(cls, settings: Settings, pacs: str) -> Link:
        """The modality `pacs` of the Orthanc that `SLUICE_ORTHANC_*` names; refuses one that Orthanc doesn't know."""
        client = OrthancClient.from_environment(
            timeout=settings.extract.timeout_seconds, connections=settings.pull.moves
        )
        try:
            client.check()
            known = client.request("GET", "/modalities").json()
            _check_name(pacs, known)
        except BaseException:
            client.close()
            raise
        return cls(client, pacs, settings.pull.silence_seconds)

    def find(self, level: str, query: Answer) -> list[Answer]:
        """C-FIND at `level` (Study, Series or Instance); Orthanc forgets question and answers at once.

        Raises `PacsRefused` where the PACS answers with a failure, `TransientSourceError` where it doesn't answer.
        """
        with self._question(level, query) as (_, answers):
            return answers

    def move_series(self, study_uid: str, series_uid: str) -> str | None:
        """Ask the PACS to send a series to Orthanc; returns the id of Orthanc's job, None if it has no such series."""
        query = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
        return self._move("Series", query, "SeriesInstanceUID", {series_uid})

    def move_instances(self, study_uid: str, series_uid: str, uids: Sequence[str]) -> str | None:
        """Ask for single instances of a series, in one job; None if the PACS has none of them."""
        query = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid, "SOPInstanceUID": "\\".join(uids)}
        return self._move("Instance", query, "SOPInstanceUID", set(uids))

    def _move(self, level: str, query: Answer, key: str, meant: set[str]) -> str | None:
        with self._question(level, query) as (resource, answers):
            fitting = [number for number, answer in enumerate(answers) if answer.get(key) in meant]
            if not fitting:
                return None
            every = len(fitting) == len(answers)  # else it answers more than was asked: the first is a beginning
            place = f"{resource}/retrieve" if every else f"{resource}/answers/{fitting[0]}/retrieve"
            # of single instances each is a command of its own, and one that fails must not stop the rest
            options = {"Asynchronous": True, "Timeout": self._silence, "Permissive": level == "Instance"}
            response = self._client.request("POST", place, json=options)
            self._judge(response, "a C-MOVE")
            return str(response.json()["ID"])

    @contextmanager
    def _question(self, level: str, query: Answer) -> Iterator[tuple[str, list[Answer]]]:
        """A query resource of Orthanc and its answers; deleted at the end (a job keeps what it needs of it)."""
        made = self._client.request("POST", self._path("query"), json={"Level": level, "Query": query})
        self._judge(made, "a search")
        resource = f"/queries/{made.json()['ID']}"
        try:
            answers = self._client.request("GET", f"{resource}/answers", params={"expand": "", "simplify": ""})
            self._judge(answers, "a search")
            yield resource, [_as_text(answer) for answer in answers.json()]
        finally:
            self._client.request("DELETE", resource)

    def job(self, job: str) -> str:
        """The state of a job: Pending, Running, Retry, Paused, Success, Failure; Gone if Orthanc forgot it."""
        response = self._client.request("GET", f"/jobs/{job}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return "Gone"  # Orthanc keeps the last few that ended, and none through a restart
        self._judge(response, "a job")
        return str(response.json()["State"])

    def cancel(self, job: str) -> None:
        """Have Orthanc end a job; one that has ended already stays as it is."""
        self._client.request("POST", f"/jobs/{job}/cancel", json={})

    def answers(self) -> bool:
        """Whether the PACS answers a C-ECHO."""
        return self._client.request("POST", self._path("echo"), json={}).is_success

    def held(self, study_uid: str) -> list[Held]:
        """The series of a study that Orthanc holds, once for each patient that they are under."""
        query = {"StudyInstanceUID": study_uid}
        found = self._client.find("Series", query, Expand=True)
        studies = self._client.find("Study", query, Expand=True) if found else []
        patients = {study["ID"]: study["PatientMainDicomTags"].get("PatientID", "").strip(" \0") for study in studies}
        return [
            Held(
                series["ID"],
                series["MainDicomTags"]["SeriesInstanceUID"].strip(" \0"),
                patients[series["ParentStudy"]],
                len(series["Instances"]),
            )
            for series in found
            if series["ParentStudy"] in patients  # else it came while we were looking
        ]

    def instances(self, held: Held) -> set[str]:
        """The SOPInstanceUIDs of a series that Orthanc holds."""
        try:
            rows = self._client.instances_of("series", held.resource)
        except MissingAtSource:  # deleted since
            return set()
        return {row["MainDicomTags"]["SOPInstanceUID"].strip(" \0") for row in rows}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _path(self, verb: str) -> str:
        return f"/modalities/{self._pacs}/{verb}"

    def _judge(self, response: httpx.Response, what: str) -> None:
        if response.is_success:
            return
        details = _details(response)
        refused = _STATUS.search(details)
        if refused:
            raise PacsRefused(f"the PACS `{self._pacs}` refused {what} (DIMSE status {refused.group(1)})")
        if response.status_code in (401, 403):
            raise ConfigurationError(
                f"Orthanc does not let us use `{self._pacs}`: check SLUICE_ORTHANC_USER and its Allow… settings"
            )
        raise TransientSourceError(
            f"the PACS `{self._pacs}` does not answer {what}: check that it runs and its entry in Orthanc's "
            "DicomModalities, then run again; what has arrived is not asked for again"
        )


def _check_name(pacs: str, known: list[str]) -> None:
    if not known:
        raise ConfigurationError("this Orthanc knows no PACS: add it to DicomModalities in Orthanc's configuration")
    if pacs not in known or not _NAME.fullmatch(pacs):
        near = difflib.get_close_matches(pacs, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known there: {', '.join(sorted(known))}"
        raise ConfigurationError(f"--from: {pacs} is not among DicomModalities of this Orthanc; {hint}")


def _details(response: httpx.Response) -> str:
    try:
        body: Any = response.json()
    except ValueError:
        return ""
    return str(body.get("Details", "")) if isinstance(body, dict) else ""


def _as_text(answer: dict[str, Any]) -> Answer:
    """An answer's plain values, without the padding that some systems leave."""
    return {name: value.strip(" \0") for name, value in answer.items() if isinstance(value, str)}

"""What is taken, from where, and how the hospital's PACS is asked."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tasks.core.models import Frozen, Modality


class ExtractSettings(Frozen):
    """What to take. Every criterion narrows the cohort; an empty list or null means all."""

    source: Literal["orthanc", "folder"] = Field("orthanc", description="where the images are: orthanc or folder")
    folder: str | None = Field(
        None, description="the folder of DICOM, where source is folder; relative to the workspace"
    )
    start: date | None = Field(None, description="first StudyDate to take")
    end: date | None = Field(None, description="last StudyDate to take")
    modalities: tuple[Modality, ...] = Field((), description="modalities to take, e.g. [CT, MR]")
    study_description: str | None = Field(None, description="a regular expression, found anywhere, case ignored")
    cohort_csv: str | None = Field(None, description="CSV with a column AccessionNumber or PatientID")
    labels_csv: str | None = Field(None, description="CSV with AccessionNumber or PatientID and label columns")
    ehr_csv: str | None = Field(None, description="CSV with PatientID and clinical columns")
    opt_out_csv: str | None = Field(
        None, description="CSV with PatientID or AccessionNumber: whoever it names is not taken; read at each run"
    )
    incomplete: Literal["hold", "release"] = Field(
        "hold", description="a series of which the PACS has more than arrived: held back until it is whole, or taken"
    )
    deleted: Literal["keep", "drop"] = Field(
        "keep", description="what is deleted at the source after it was taken stays in the dataset, or leaves it"
    )
    full_every_hours: float = Field(
        24.0, ge=0, description="how often a run over the change feed lists the whole source all the same"
    )
    connections: int = Field(4, ge=1, le=32, description="series fetched at the same time")
    timeout_seconds: float = Field(60.0, gt=0, description="how long one request to Orthanc may take")
    max_item_bytes: int = Field(4 * 2**30, ge=1, description="a larger file or archive member is refused")
    max_archive_ratio: int = Field(200, ge=1, description="an archive that unpacks to more times its size is refused")

    @model_validator(mode="after")
    def _check(self) -> ExtractSettings:
        if self.start and self.end and self.end < self.start:
            raise ValueError("end is before start")
        return self


class PullSettings(Frozen):
    """Getting what the hospital's PACS has into Orthanc (`sluice pull`). Changes no byte of the result."""

    pacs: str | None = Field(
        None, description="the PACS's name in DicomModalities of Orthanc, where --from is not given"
    )
    hours: str = Field(
        "", description='when the PACS may be asked for images, local time, e.g. "19:00-06:00"; empty is always'
    )
    outside_hours: Literal["wait", "stop"] = Field(
        "wait", description="wait pauses until the hours begin again; stop ends the run, and the next one goes on"
    )
    instances_per_minute: int = Field(0, ge=0, description="how many instances are asked for in a minute; 0 is no cap")
    moves: int = Field(
        2,
        ge=1,
        le=16,
        description="C-MOVE jobs, and searches, at the same time; Orthanc's ConcurrentJobs caps jobs too",
    )
    attempts: int = Field(3, ge=1, le=20, description="how often what is missing is asked for, the first time included")
    backoff_seconds: float = Field(20.0, ge=0, description="pause before the second time; it doubles each time")
    answer_limit: int = Field(
        0, ge=0, description="answers after which the PACS cuts a search off without a word; 0 where it is not known"
    )
    silence_seconds: int = Field(600, ge=1, description="how long the PACS may say nothing during a C-MOVE")

    @field_validator("hours")
    @classmethod
    def _window(cls, hours: str) -> str:
        time = r"([01]\d|2[0-3]):[0-5]\d"
        begins, _, ends = hours.partition("-")
        if hours and (not re.fullmatch(f"{time}-{time}", hours) or begins == ends):
            raise ValueError('hours must be like "19:00-06:00", in quotes, or empty for always')
        return hours

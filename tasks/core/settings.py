"""Every parameter of params.yaml, typed. A typo is an error that names the nearest right key.

A section belongs to the stage of its name; DVC watches the sections that a stage depends on.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from tasks.core.enhancement import EnhancementSettings
from tasks.core.errors import ConfigurationError
from tasks.core.findings import check_policies
from tasks.core.models import Frozen, Modality
from tasks.core.radiomics import RadiomicsSettings
from tasks.core.steps import ChosenStep, check_chain, unitless_after

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, ten times faster, where PyYAML was built with it."""


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


class PixelSettings(Frozen):
    """How hard pixels are looked at for text. What the header calls risky is looked at whole, the rest by sample."""

    look: bool = Field(
        True,
        description="true looks at what is at risk and masks text, a second or more a picture; false quarantines it",
    )
    sample: float = Field(
        0.001,
        ge=0,
        le=1,
        description="share of CT, MR and PET without a hint in the header that is looked at all the same; "
        "a look takes as long as some hundred headers",
    )
    max_frames: int = Field(
        16, ge=1, description="distinct frames that are looked at; of more, the extremes of groups of them"
    )
    outside_regions: bool = Field(False, description="mask all that is outside of the ultrasound regions")
    trust_burned_in_annotation: tuple[Modality, ...] = Field(
        ("CR", "DX", "MG", "RG"),
        description="modalities whose BurnedInAnnotation NO is believed: they are not looked at",
    )
    accept: tuple[Modality, ...] = Field(
        (), description="modalities whose pixels are known to be clean, whatever the header says"
    )


class DeidentifySettings(Frozen):
    """The profile: PS3.15 E.1-1 with its options, and the site's overrides."""

    profile: Literal["basic", "research"] = Field(
        "research",
        description="basic: E.1-1 as it stands; research: dates shifted, descriptions, reports and graphics cleaned, "
        "patient characteristics, device and safe private attributes kept",
    )
    edition: Literal["2008", "2017c", "2021b", "2026c"] = Field(
        "2026c", description="of E.1-1: an older one has fewer rows, see `sluice profile show --edition`"
    )
    options: tuple[str, ...] = Field(
        (),
        description="further options of E.1-1: retain-full-dates, retain-modified-dates, "
        "retain-patient-characteristics, retain-device-identity, retain-institution-identity, retain-safe-private, "
        "clean-descriptors, clean-structured-content, clean-graphics",
    )
    overrides: dict[str, Literal["X", "Z", "D", "K", "U", "C"]] = Field(
        {},
        description="action by keyword, tag or private attribute, e.g. StudyDescription: X, "
        "(0019,xx0C) SIEMENS MR HEADER: K; stands above the table",
    )
    pixels: PixelSettings = PixelSettings()
    ehr_columns: tuple[str, ...] = Field(
        ("age", "sex", "bmi", "icd10", "encounter_date"),
        description="columns of the EHR table that are kept; free text never is",
    )
    label_columns: tuple[str, ...] = Field(("lesion",), description="columns of the label table that are kept")
    max_depth: int = Field(32, ge=1, le=200, description="sequences nested deeper are refused")

    @field_validator("edition", mode="before")
    @classmethod
    def _year(cls, edition: object) -> object:
        return str(edition) if isinstance(edition, int) else edition  # YAML takes 2008 for a number

    @field_validator("overrides", mode="before")
    @classmethod
    def _names(cls, overrides: object) -> object:
        if isinstance(overrides, dict):
            for name in overrides:
                if not isinstance(name, str):  # YAML takes 00100010 for an octal number
                    raise ValueError("a key is read as a number: put tags in quotes, e.g. '00100010'")
        return overrides


class VolumeSettings(Frozen):
    """From series to volumes: what is done about which finding (`tasks/core/findings.py`)."""

    findings: dict[str, str] = Field(
        {},
        description="policy by finding, e.g. {missing-slice: fill}; what is not named is refused, or is harmless",
    )
    tolerance: float = Field(
        0.02, gt=0, le=0.2, description="how much distances of slices may differ, as a share of their distance"
    )

    suv: bool = Field(False, description="PET values as SUV by body weight (g/ml), where the header gives it")
    max_voxels: int = Field(
        2**27, ge=1, description="a volume with more voxels is refused by steps that need it whole in memory"
    )

    @field_validator("findings")
    @classmethod
    def _known(cls, findings: dict[str, str]) -> dict[str, str]:
        return check_policies(findings)


class TransformSettings(Frozen):
    """From DICOM to images of one size, and the tables that describe them."""

    size: int = Field(256, ge=16, le=4096, description="width and height in pixels")
    bits: Literal[8, 16] = Field(8, description="bits of a grey PNG; colour always has 8")
    fit: Literal["pad", "stretch"] = Field("pad", description="pad keeps proportions, stretch fills")
    windows: dict[Modality, tuple[float, float]] = Field(
        {},
        description="window centre and width by modality, in HU for CT; else the header's, else percentiles",
    )
    percentiles: tuple[float, float] = Field(
        (0.5, 99.5), description="of a series: black and white where there is no window"
    )
    max_pixels: int = Field(
        2**28, ge=1, description="Rows x Columns x frames x samples above this is refused before decoding"
    )
    steps: tuple[ChosenStep, ...] = Field(
        (), description="what is done to values before windowing, in order, e.g. [n4, {isotropic: {spacing: 1}}]"
    )
    volumes: VolumeSettings = VolumeSettings()

    @model_validator(mode="after")
    def _chain(self) -> TransformSettings:
        check_chain(self.steps)
        for modality in self.windows:
            if step := unitless_after(self.steps, modality):
                raise ValueError(
                    f"windows.{modality} is in the unit of the source, and {step} leaves none: remove one of them"
                )
        return self


class LookSettings(Frozen):
    """Contact sheets of a run, to look at: data/look, which is no part of the dataset. Changes no byte of it."""

    sheets: bool = Field(True, description="draw a contact sheet for each patient before the release")
    patients: int = Field(50, ge=1, description="patients that get one at most, in the order of their pseudonyms")
    slices: int = Field(6, ge=1, le=60, description="slices of each series on it, evenly spaced")


class CurateSettings(Frozen):
    """Labels, duplicates, quality and splits."""

    label: str = Field("lesion", description="the column of the label table that a model learns and splits stratify by")
    splits: dict[str, float] = Field(
        {"train": 0.6, "validation": 0.2, "test": 0.2}, description="shares of patients; whoever has a split keeps it"
    )
    drop_duplicate_pixels: bool = Field(True, description="leave out a patient's second copy of the same pixels")
    min_contrast: float = Field(
        0.02, ge=0, description="standard deviation of the [0, 1] image below which it is flagged"
    )
    outlier_z: float = Field(3.5, gt=0, description="robust z-score of an image's statistics above which it is flagged")

    @model_validator(mode="after")
    def _check(self) -> CurateSettings:
        if abs(sum(self.splits.values()) - 1) > 1e-6 or min(self.splits.values(), default=0) < 0:
            raise ValueError("splits must be shares that add up to 1")
        return self


class GateSettings(Frozen):
    """What the gates of expectations/ take from here; the rules themselves are in expectations/."""

    k: int = Field(
        5,
        ge=1,
        description="patients that should share each combination of sex, age band, modality, body part and shifted "
        "month (k-anonymity)",
    )
    below_k: Literal["warn", "block"] = Field(
        "warn", description="what a combination of fewer than k patients does; block stops the release"
    )


class ExportSettings(Frozen):
    """The release."""

    name: str = Field(
        "dataset",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$",
        description="folder and tag of the releases: release/<name>/v1",
    )
    title: str = Field("Untitled dataset", description="the heading of the dataset card")
    description: str = Field("", description="what the dataset is, in a sentence or two, for the card")
    license: str = Field("proprietary", description="an SPDX id or the words of the data use agreement")
    creator: str = Field("", description="the institution or group that is answerable for the dataset")
    shards: int | None = Field(
        None,
        ge=1,
        description="images that a WebDataset shard holds at most, beside images/; a patient's are in one; null: none",
    )


class TrainSettings(Frozen):
    """The classifier that `sluice train` makes, and how it is examined (docs/training.md)."""

    target: str = Field("lesion", description="the label to predict")
    modalities: tuple[Modality, ...] = Field(("CT", "MR"), description="modalities to learn from")
    cohort: str | None = Field(None, description="a saved cohort: nothing else is learned from or tested")
    model: Literal["linear", "cnn"] = Field(
        "linear", description="linear: logistic regression; cnn: a small network over slices, which needs `make torch`"
    )
    features: Literal["auto", "images", "radiomics"] = Field(
        "auto",
        description="what linear learns from: the feature table of the release (radiomics.in_flow), pictures, or auto: "
        "the table where there is one, else pictures",
    )
    seed: int = Field(0, ge=0, description="of everything drawn: weights, folds, resamples, shuffled labels")
    thumbnail: int = Field(
        32, ge=8, le=256, description="images are reduced to this width before the classifier sees them"
    )
    epochs: int = Field(30, ge=1, le=1000, description="passes of a cnn over its series")
    folds: int = Field(5, ge=2, le=20, description="parts of cross-validation, by patient, without the test split")
    bootstrap: int = Field(1000, ge=50, description="resamples of patients behind each 95 % interval")
    permutations: int = Field(
        20, ge=0, description="models trained on shuffled labels, which must score chance; a cnn's are 5 at most"
    )
    on_leak: Literal["stop", "warn"] = Field(
        "stop", description="what a leak does: the run fails and the model is no candidate, or it is only told"
    )
    subgroup_min: int = Field(10, ge=2, description="patients below which no figure of a subgroup is shown")
    site_column: str = Field("site", description="column of patients or series that tells the site, where there is one")
    log_predictions: bool = Field(
        False,
        description="keep each study's score with its pseudonyms in MLflow, if that is on this machine, where a "
        "withdrawal finds it",
    )
    model_name: str = Field(
        "sluice-baseline", pattern=r"^[A-Za-z0-9_.-]+$", description="the model's name in MLflow's registry"
    )


class RunSettings(Frozen):
    """How the work is cut and spread. Changes no byte of the result."""

    batch_instances: int = Field(500, ge=1, description="instances that one task carries at most")
    batch_bytes: int = Field(256 * 2**20, ge=1, description="bytes that one task carries at most")
    processes: int = Field(2, ge=1, le=256, description="processes that de-identify and transform")
    batches_in_flight: int = Field(3, ge=1, le=64, description="batches that a run has under way at a time")
    quarantine_bytes: int = Field(
        2 * 2**30,
        ge=1,
        description="bytes of the series that all runs of this workspace have under way at a time, which caps what is "
        "in quarantine; a single series above it goes alone",
    )
    fetching: int = Field(
        2, ge=1, le=64, description="batches that all runs of this workspace fetch at a time, to spare Orthanc"
    )
    lease_seconds: float = Field(
        120.0, ge=1, description="how long a series stays with a run that no longer says that it lives"
    )
    max_attempts: int = Field(
        3, ge=1, description="attempts at a series after which it is set aside and the rest goes on"
    )
    events: str = Field(
        "log",
        description="where events go: log (data/register/events.log), or nats://host:4222 (tls://) for NATS JetStream; "
        "its user and password are in SLUICE_NATS_USER and SLUICE_NATS_PASSWORD, or SLUICE_NATS_CREDS names a file",
    )

    @field_validator("events")
    @classmethod
    def _address(cls, events: str) -> str:
        if events == "log":
            return events
        parts = urlsplit(events)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise ValueError("events must be log, nats://host:4222 or tls://host:4222")
        if parts.username or parts.password:
            raise ValueError("events must name no user or password: set SLUICE_NATS_USER and SLUICE_NATS_PASSWORD")
        return events


class RecordSettings(Frozen):
    """Versions and where their bytes go. Changes no byte of the result."""

    remote: str = Field(
        "",
        description="where DVC's bytes are copied after a release: a directory, ssh://host/path or s3://bucket/path; "
        "empty keeps them here. Credentials are in the SSH agent, or in AWS_* variables",
    )
    move_splits: bool = Field(
        False, description="let a new release put a patient into another split than the last one did"
    )
    openlineage: str = Field(
        "",
        description="where OpenLineage's events go: a file, relative to the workspace, or an http(s) URL; empty sends "
        "none. A token is in SLUICE_OPENLINEAGE_TOKEN",
    )

    @field_validator("openlineage")
    @classmethod
    def _listener(cls, openlineage: str) -> str:
        parts = urlsplit(openlineage)
        if "://" in openlineage and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("openlineage must be a file, or an http:// or https:// address")
        if parts.username or parts.password:
            raise ValueError("openlineage must name no user or password: set SLUICE_OPENLINEAGE_TOKEN")
        return openlineage

    @field_validator("remote")
    @classmethod
    def _known(cls, remote: str) -> str:
        parts = urlsplit(remote)
        if "://" in remote and (parts.scheme not in ("ssh", "s3") or not parts.hostname):
            raise ValueError("remote must be a directory, ssh://host/path or s3://bucket/path")
        if parts.password:
            raise ValueError("remote must name no password: use an SSH key or AWS_* variables")
        return remote


class Settings(Frozen):
    """The whole of params.yaml."""

    extract: ExtractSettings = ExtractSettings()
    pull: PullSettings = PullSettings()
    deidentify: DeidentifySettings = DeidentifySettings()
    transform: TransformSettings = TransformSettings()
    radiomics: RadiomicsSettings = RadiomicsSettings()
    look: LookSettings = LookSettings()
    enhancement: EnhancementSettings = EnhancementSettings()
    curate: CurateSettings = CurateSettings()
    gates: GateSettings = GateSettings()
    export: ExportSettings = ExportSettings()
    train: TrainSettings = TrainSettings()
    record: RecordSettings = RecordSettings()
    run: RunSettings = RunSettings()


def load_settings(path: Path) -> Settings:
    """Read and check params.yaml; raises `ConfigurationError` with one line for the first mistake."""
    if not path.exists():
        raise ConfigurationError(f"no {path.name} in {path.parent}: make a workspace with `sluice init`")
    return _settings_in(_text_of(path), path)


@lru_cache(maxsize=4)
def _settings_in(text: str, path: Path) -> Settings:
    """Once for each text: each task run asks, and to parse and check takes longer than some of them."""
    raw = _parsed(text, path)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold sections such as extract: and transform:")
    return check_settings(raw, path.name)


def read_yaml(path: Path) -> object:
    """What a YAML file holds, an empty one nothing ({}); raises `ConfigurationError` where it is none."""
    return _parsed(_text_of(path), path)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{path} cannot be read: check its owner, and save it as UTF-8") from None


def _parsed(text: str, path: Path) -> object:
    try:
        raw = yaml.load(text, _LOADER)  # noqa: S506 - a safe one, both are
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise ConfigurationError(f"{path} is not YAML: look at line {line}") from None
    return {} if raw is None else raw


def check_settings(raw: dict[str, object], name: str) -> Settings:
    """The settings that `raw` holds; raises `ConfigurationError` with one line that begins with `name`."""
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {_first_mistake(error)}") from None


def digest(*sections: Frozen, without: frozenset[str] = frozenset()) -> str:
    """A digest (32 hex digits) of settings, the same for the same values whatever their order in the file."""
    values = [section.model_dump(mode="json", exclude=set(without)) for section in sections]
    canonical = json.dumps(values, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    place = [str(part) for part in mistake["loc"]]
    if mistake["type"] != "extra_forbidden":
        return f"{'.'.join(place) or 'the file'}: {mistake['msg'].removeprefix('Value error, ')}"
    known = _fields(place[:-1])
    nearest = difflib.get_close_matches(place[-1], known, n=1, cutoff=0.5)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known here: {', '.join(known)}"
    return f"unknown key `{'.'.join(place)}`; {hint}"


def _fields(path: list[str]) -> list[str]:
    model: type[Frozen] = Settings
    for part in path:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, Frozen)):
            break
        model = annotation
    return sorted(model.model_fields)

"""What a release holds, how it is split and judged, and the model that is trained on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tasks.core.models import Frozen, Modality


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

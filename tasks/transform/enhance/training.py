"""Training the network on a release: train patients teach, validation patients pick the epoch, test patients prove.

Writes nothing and knows no tracker; the flow does both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tasks.core.settings.enhancement import EnhancementSettings
from tasks.transform.enhance.examples import (
    TEST,
    TRAIN,
    VALIDATION,
    Example,
    check_apart,
    cut_patches,
    find_examples,
    read_pairs,
)
from tasks.transform.enhance.network import fit_network, need_torch
from tasks.transform.enhance.quality import Estimate, estimate, psnr, ssim
from tasks.transform.enhance.srcnn import apply_network
from tasks.transform.enhance.weights import Weights

Progress = Callable[[str, int, int], None]
EVERY = "all"


@dataclass(frozen=True)
class Proof:
    """PSNR (dB) and SSIM on held-out patients of one modality: `bicubic`, `srcnn`, and `gain`, their difference."""

    modality: str
    images: int
    psnr: Mapping[str, Estimate]
    ssim: Mapping[str, Estimate]


@dataclass(frozen=True)
class Epoch:
    """Mean squared error on patches, and mean PSNR in dB over the validation patients."""

    loss: float
    validation_psnr: float


@dataclass(frozen=True)
class TrainedNetwork:
    """The network of the best epoch, and what it was trained and tested on. Patients are pseudonyms."""

    weights: Weights
    epochs: tuple[Epoch, ...]
    best: int
    validation_bicubic_psnr: float
    proofs: tuple[Proof, ...]
    patients: Mapping[str, str]
    """Every patient whose images were used, and the split."""
    images: Mapping[str, int]
    patches: int
    params: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """Means and bounds as `test_<modality>_<measure>_<what>[_low|_high]`."""
        found: dict[str, float] = {"best_epoch": self.best + 1.0}
        for proof in self.proofs:
            for measure, values in (("psnr", proof.psnr), ("ssim", proof.ssim)):
                for what, value in values.items():
                    name = f"test_{proof.modality.lower()}_{measure}_{what}"
                    told = {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
                    found |= {key: number for key, number in told.items() if np.isfinite(number)}
        return found


def train_network(release: Path, settings: EnhancementSettings, progress: Progress = lambda *_: None) -> TrainedNetwork:
    """Train on the release in the folder `release`; `progress` is told (what, done, in all).

    Raises `ConfigurationError` where PyTorch, images or a split are missing, `ContractViolation` where a patient who
    trains would also be tested.
    """
    need_torch()
    examples = find_examples(release, settings)
    patients = check_apart(examples)
    progress("cutting patches", 0, 1)
    blurred, sharp = cut_patches(examples[TRAIN], settings)
    bicubic = _validate(examples[VALIDATION], None, settings.scale)
    history: list[Epoch] = []
    best: Weights | None = None
    for loss, weights in fit_network(blurred, sharp, settings, lambda done, of: progress("training", done, of)):
        history.append(Epoch(loss, _validate(examples[VALIDATION], weights, settings.scale)))
        if best is None or history[-1].validation_psnr > max(epoch.validation_psnr for epoch in history[:-1]):
            best = weights
    assert best is not None  # there is at least one epoch
    return TrainedNetwork(
        weights=best,
        epochs=tuple(history),
        best=int(np.argmax([epoch.validation_psnr for epoch in history])),
        validation_bicubic_psnr=bicubic,
        proofs=prove(examples[TEST], best, progress),
        patients=patients,
        images={split: len(of_split) for split, of_split in examples.items()},
        patches=len(blurred),
        params={
            "architecture": "SRCNN 9-1-5, 64 and 32 maps",
            "optimiser": "Adam",
            **{
                name: ",".join(value) if isinstance(value, tuple) else value
                for name, value in settings.model_dump(exclude={"max_contrast_loss", "ring_mm", "model_name"}).items()
            },
        },
    )


def prove(examples: tuple[Example, ...], weights: Weights, progress: Progress = lambda *_: None) -> tuple[Proof, ...]:
    """The network against bicubic enlargement on `examples`, by modality and, where there are several, over all."""
    scores: dict[str, dict[str, dict[str, list[float]]]] = {}
    for done, (example, coarse, truth) in enumerate(read_pairs(examples, weights.scale), start=1):
        made = apply_network(coarse, weights)
        told = {
            "psnr_bicubic": psnr(coarse, truth),
            "psnr_srcnn": psnr(made, truth),
            "ssim_bicubic": ssim(coarse, truth),
            "ssim_srcnn": ssim(made, truth),
        }
        for measure in ("psnr", "ssim"):
            told[f"{measure}_gain"] = told[f"{measure}_srcnn"] - told[f"{measure}_bicubic"]
        for modality in (example.modality, EVERY):
            of_modality = scores.setdefault(modality, defaultdict(lambda: defaultdict(list)))
            for name, value in told.items():
                of_modality[name][example.patient].append(value)
        progress("proving", done, len(examples))
    names = sorted(set(scores) - {EVERY}) + ([EVERY] if len(scores) > 2 else [])
    return tuple(_proof(name, scores[name]) for name in names)


def _proof(modality: str, scores: Mapping[str, Mapping[str, list[float]]]) -> Proof:
    kinds = ("bicubic", "srcnn", "gain")
    return Proof(
        modality,
        sum(map(len, scores["psnr_gain"].values())),
        {kind: estimate(scores[f"psnr_{kind}"]) for kind in kinds},
        {kind: estimate(scores[f"ssim_{kind}"]) for kind in kinds},
    )


def _validate(examples: tuple[Example, ...], weights: Weights | None, scale: int) -> float:
    """Mean PSNR over patients of bicubic enlargement, or of the network."""
    scores: dict[str, list[float]] = defaultdict(list)
    for example, coarse, truth in read_pairs(examples, scale):
        made = coarse if weights is None else apply_network(coarse, weights)
        scores[example.patient].append(psnr(made, truth))
    return float(np.mean([np.mean(scores[patient]) for patient in sorted(scores)]))

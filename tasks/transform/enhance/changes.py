"""What a method changed: intensities of whole pictures, and the contrast of regions against a ring around them.

Contrast is the mean in the region less the mean in the ring; contrast to noise is its magnitude by the standard
deviation in the ring (Bushberg et al., The Essential Physics of Medical Imaging). Both over all slices of a region, in
parts of the window's width.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tasks.core.sentences import Sentence
from tasks.core.settings.enhancement import EnhancementSettings
from tasks.transform.enhance.cases import Case
from tasks.transform.enhance.methods import Method
from tasks.transform.enhance.quality import Estimate, estimate, psnr, ssim
from tasks.transform.enhance.srcnn import enlarge
from tasks.transform.roi.grid import Mask
from tasks.transform.windows import Image

_BINS = 256
_LEAST = 4
"""Pixels that a region and its ring need, or nothing can be said of them."""


class Flag(Sentence):
    """Why a region speaks against a method, or says nothing."""

    CONTRAST_LOST = ("contrast-lost", "its contrast against the ring fell by more than the limit")
    CONTRAST_REVERSED = ("contrast-reversed", "it was brighter than the ring and is darker, or the other way round")
    NOISE_COVERS = ("cnr-lost", "its contrast to noise fell by more than the limit")
    FAINT = ("faint", "its contrast before is within its own error (two standard errors), so nothing is shown by it")
    TOO_SMALL = ("too-small", "it or its ring has fewer than four pixels, so nothing is shown by it")


HARM = frozenset({Flag.CONTRAST_LOST, Flag.CONTRAST_REVERSED, Flag.NOISE_COVERS})


class Verdict(Sentence):
    """What may be said of a method. None of them says that it is harmless."""

    MAY_HIDE = (
        "may-hide-a-lesion",
        "enhancement may hide a lesion: do not use it for reading or training without review",
    )
    NOT_SHOWN = ("not-shown", "nothing is shown: there is no region, or one that is too faint or too small to judge")
    NO_LOSS = ("no-loss-found", "no region lost contrast beyond the limit; this is no proof for other lesions")


@dataclass(frozen=True)
class RegionChange:
    """One region before and after. Contrasts in parts of the window; `kept` and `cnr_kept` are ratios after/before."""

    patient: int
    series: int
    region: int
    modality: str
    pixels: int
    contrast_before: float
    contrast_after: float
    cnr_before: float
    cnr_after: float
    max_change: float
    flags: tuple[Flag, ...]

    @property
    def kept(self) -> float:
        """Share of the contrast that is left; below 0 where it is reversed."""
        return self.contrast_after / self.contrast_before if self.contrast_before else float("nan")

    @property
    def cnr_kept(self) -> float:
        """Share of the contrast to noise that is left."""
        return self.cnr_after / self.cnr_before if self.cnr_before else float("nan")


@dataclass
class Judged:
    """All that was measured of one method. `intensity` maps modality to measure to its mean over patients."""

    method: Method
    pictures: int = 0
    patients: int = 0
    intensity: dict[str, Mapping[str, Estimate]] = field(default_factory=dict)
    regions: list[RegionChange] = field(default_factory=list)

    @property
    def flagged(self) -> list[RegionChange]:
        """Regions that speak against the method."""
        return [one for one in self.regions if HARM.intersection(one.flags)]

    @property
    def verdict(self) -> Verdict:
        """MAY_HIDE with one flagged region; NO_LOSS only where every region could be judged."""
        if self.flagged:
            return Verdict.MAY_HIDE
        return Verdict.NOT_SHOWN if not self.regions or any(one.flags for one in self.regions) else Verdict.NO_LOSS

    @property
    def upper_bound(self) -> float | None:
        """Up to which share of patients with a loss the absence of any is compatible with, at 95 % (one-sided, exact
        binomial: 1 - 0.05^(1/n)); None unless the verdict is NO_LOSS."""
        if self.verdict is not Verdict.NO_LOSS:
            return None
        return float(1 - 0.05 ** (1 / len({one.patient for one in self.regions})))


Shown = Callable[[Case, RegionChange | None, int, Image, Image], None]
Progress = Callable[[int], None]


def judge(
    cases: Iterable[Case],
    method: Method,
    settings: EnhancementSettings,
    shown: Shown = lambda *_: None,
    progress: Progress = lambda _: None,
) -> Judged:
    """Apply `method` to the pictures of `cases` and measure. Of a series all slices of regions are taken, and
    `settings.slices` more, evenly. `shown` gets each region with its largest slice, and of a series
    without regions its middle one: (case, change or None, slice, before, after)."""
    found = Judged(method)
    scores: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    patients = set()
    for done, case in enumerate(cases, start=1):
        patients.add(case.patient)
        pairs: dict[int, tuple[Image, Image]] = {}
        for index in _slices(case, settings.slices):
            before, after = case.pictures[index], method.run(case.pictures[index])
            before = enlarge(before, method.scale) if method.scale > 1 else before
            pairs[index] = before, after
            for name, value in compare(before, after).items():
                scores[case.modality][name][str(case.patient)].append(value)
        found.pictures += len(pairs)
        for number, mask in case.regions:
            change = measure_region(case, number, mask, pairs, method.scale, settings)
            found.regions.append(change)
            largest = int(mask.sum(axis=(1, 2)).argmax())
            shown(case, change, largest, *pairs[largest])
        if not case.regions:
            middle = sorted(pairs)[len(pairs) // 2]
            shown(case, None, middle, *pairs[middle])
        progress(done)
    found.patients = len(patients)
    found.intensity = {
        modality: {name: estimate(values) for name, values in measures.items()}
        for modality, measures in sorted(scores.items())
    }
    return found


def compare(before: Image, after: Image) -> dict[str, float]:
    """Whole pictures: mean, standard deviation, distance of histograms (Wasserstein-1), changes, PSNR, SSIM."""
    shares = [np.histogram(image, _BINS, (0.0, 1.0))[0] / image.size for image in (before, after)]
    change = np.abs(after.astype(np.float64) - before)
    return {
        "mean_before": float(before.mean(dtype=np.float64)),
        "mean_after": float(after.mean(dtype=np.float64)),
        "sd_before": float(before.std(dtype=np.float64)),
        "sd_after": float(after.std(dtype=np.float64)),
        "histogram_distance": float(np.abs(np.cumsum(shares[0] - shares[1])).sum() / _BINS),
        "mean_change": float(change.mean()),
        "max_change": float(change.max()),
        "psnr": psnr(after, before),
        "ssim": ssim(after, before),
    }


def measure_region(
    case: Case,
    number: int,
    mask: Mask,
    pairs: Mapping[int, tuple[Image, Image]],
    scale: int,
    settings: EnhancementSettings,
) -> RegionChange:
    """One region over all of its slices; `pairs` maps slice to (before, after), both `scale` times larger."""
    inside: list[list[Image]] = [[], []]
    around: list[list[Image]] = [[], []]
    for index in np.flatnonzero(mask.any(axis=(1, 2))):
        ring = ring_of(mask[index], case.spacing, settings.ring_mm)
        for kept, place in ((inside, mask[index]), (around, ring)):
            finer = place.repeat(scale, axis=0).repeat(scale, axis=1)
            for which in (0, 1):
                kept[which].append(pairs[int(index)][which][finer])
    (before, after), (ring_before, ring_after) = (
        [np.concatenate(parts).astype(np.float64) for parts in kept] for kept in (inside, around)
    )
    pixels = int(mask.sum())
    told = (case.patient, case.series, number, case.modality, pixels)
    if before.size < _LEAST * scale**2 or ring_before.size < _LEAST * scale**2:
        return RegionChange(*told, 0.0, 0.0, 0.0, 0.0, 0.0, (Flag.TOO_SMALL,))
    contrasts = float(before.mean() - ring_before.mean()), float(after.mean() - ring_after.mean())
    cnr = [
        abs(value) / max(float(ring.std()), 1e-6)
        for value, ring in zip(contrasts, (ring_before, ring_after), strict=True)
    ]
    error = float(np.sqrt(before.var() / pixels + ring_before.var() * scale**2 / ring_before.size))
    return RegionChange(
        *told,
        contrast_before=contrasts[0],
        contrast_after=contrasts[1],
        cnr_before=cnr[0],
        cnr_after=cnr[1],
        max_change=float(np.abs(after - before).max()),
        flags=_flags(contrasts, cnr, error, settings.max_contrast_loss),
    )


def ring_of(mask: Mask, spacing: tuple[float, float], width: float) -> Mask:
    """Pixels up to `width` mm from a region's edge in its slice, but those next to it, which hold part of both."""
    from scipy.ndimage import distance_transform_edt

    distance = distance_transform_edt(~mask, sampling=spacing)
    gap = float(np.hypot(*spacing)) * 1.01
    return np.asarray((distance > gap) & (distance <= gap + width))


def _flags(contrasts: tuple[float, float], cnr: list[float], error: float, limit: float) -> tuple[Flag, ...]:
    before, after = contrasts
    if abs(before) <= 2 * error:
        return (Flag.FAINT,)
    flags = []
    if after * before < 0:
        flags.append(Flag.CONTRAST_REVERSED)
    elif abs(after) < (1 - limit) * abs(before):
        flags.append(Flag.CONTRAST_LOST)
    if cnr[1] < (1 - limit) * cnr[0]:
        flags.append(Flag.NOISE_COVERS)
    return tuple(flags)


def _slices(case: Case, count: int) -> list[int]:
    depth = len(case.pictures)
    chosen = set(np.linspace(0, depth - 1, min(depth, count)).round().astype(int).tolist())
    for _, mask in case.regions:
        chosen.update(np.flatnonzero(mask.any(axis=(1, 2))).tolist())
    return sorted(chosen)

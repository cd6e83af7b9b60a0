"""The shape of one chest: where body, heart, vessels, bones and lesion lie, in millimetres.

Axes are those of DICOM's patient (PS3.3 C.7.6.2.1.1): x to the patient's left, y to the back, z to the head; the origin
is the middle of the body at the height of the heart. How a machine sees it is in `phantoms`, `projections` and
`ultrasound`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ellipse:
    """A cut through a structure: centre and half axes in mm, turned by `angle` (radians, from x towards y)."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0

    def outline(self, points: int = 48) -> npt.NDArray[np.float64]:
        """(points, 2) positions on the edge, in order."""
        turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
        u, v = self.a * np.cos(turn), self.b * np.sin(turn)
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        return np.stack([self.x + cosine * u - sine * v, self.y + sine * u + cosine * v], axis=1)


@dataclass(frozen=True)
class Ellipsoid:
    """A solid with centre and half axes in mm, turned about z by `angle`."""

    x: float
    y: float
    z: float
    a: float
    b: float
    c: float
    angle: float = 0.0

    def cut(self, z: float) -> Ellipse | None:
        """The section at height `z`, or None above and below."""
        rest = 1 - ((z - self.z) / self.c) ** 2
        if rest <= 0.01:
            return None
        scale = float(np.sqrt(rest))
        return Ellipse(self.x, self.y, self.a * scale, self.b * scale, self.angle)


@dataclass(frozen=True)
class Anatomy:
    """One patient's chest. `vessels` holds (x, y, z, radius) rows; `lesion` is a mass in or at the heart, or None."""

    body: Ellipse
    fat: float
    right_lung: Ellipsoid
    left_lung: Ellipsoid
    heart: Ellipsoid
    left_ventricle: Ellipsoid
    right_ventricle: Ellipsoid
    liver: Ellipsoid
    aorta: Ellipse
    vessels: npt.NDArray[np.float64]
    calcifications: npt.NDArray[np.float64]
    breasts: float
    rib_phase: float
    lesion: Ellipsoid | None


def grow_anatomy(rng: np.random.Generator, *, lesion: bool, sex: str, bmi: float) -> Anatomy:
    """A chest that differs from every other in size and detail; all have calcifications, which are no lesions."""
    vary = rng.uniform
    stout = (bmi - 25) * 1.8
    body = Ellipse(0, 0, 158 + stout + vary(-6, 6), 106 + 0.8 * stout + vary(-4, 4))
    fat = float(np.clip(14 + 0.7 * stout + vary(-2, 2), 6, 30))
    inner = body.a - fat - 22
    deep = body.b - fat - 20
    heart = Ellipsoid(
        20 + vary(-5, 5),
        -22 + vary(-5, 5),
        vary(-8, 4),
        50 + vary(-4, 5),
        40 + vary(-4, 4),
        60,
        0.6 + vary(-0.15, 0.15),
    )
    left_ventricle = Ellipsoid(
        heart.x + 16 + vary(-3, 3), heart.y + 9 + vary(-3, 3), heart.z - 6, 25, 19, 40, heart.angle
    )
    right_ventricle = Ellipsoid(
        heart.x - 19 + vary(-3, 3), heart.y - 10 + vary(-3, 3), heart.z - 4, 20, 14, 38, heart.angle - 0.5
    )
    vessels = np.column_stack(
        [
            rng.choice([-1, 1], 110) * vary(30, inner - 8, 110),
            vary(-0.8 * deep, 0.8 * deep, 110),
            vary(-75, 75, 110),
            vary(1.2, 4.2, 110),
        ]
    )
    spots = int(rng.integers(1, 5))
    calcifications = np.column_stack(
        [heart.x + vary(-35, 35, spots), heart.y + vary(-28, 28, spots), vary(-35, 35, spots), vary(1.8, 3.6, spots)]
    )
    return Anatomy(
        body=body,
        fat=fat,
        right_lung=Ellipsoid(-(inner * 0.52), vary(-6, 4), -18, inner * 0.50, deep * 0.92, 120, 0.06),
        left_lung=Ellipsoid(inner * 0.53, vary(-6, 4), -18, inner * 0.48, deep * 0.90, 120, -0.06),
        heart=heart,
        left_ventricle=left_ventricle,
        right_ventricle=right_ventricle,
        liver=Ellipsoid(-inner * 0.42, -8, -108 + vary(-6, 8), inner * 0.62, deep * 0.92, 62),
        aorta=Ellipse(20 + vary(-4, 4), deep * 0.50, 11.5 + vary(-1.5, 2.5), 11.5 + vary(-1.5, 2.5)),
        vessels=vessels,
        calcifications=calcifications,
        breasts=float(vary(18, 34)) if sex == "F" else 0.0,
        rib_phase=float(vary(0, 2 * np.pi)),
        lesion=_grow_lesion(rng, heart) if lesion else None,
    )


def _grow_lesion(rng: np.random.Generator, heart: Ellipsoid) -> Ellipsoid:
    # At the left side of the heart, partly in the lung: seen in most slices, as a large mass would be.
    angle = rng.uniform(-0.4, 0.4)
    reach = rng.uniform(0.68, 0.88)
    radius = rng.uniform(21, 27)
    return Ellipsoid(
        heart.x + float(np.cos(angle)) * heart.a * reach,
        heart.y + float(np.sin(angle)) * heart.b * reach + 6,
        heart.z + rng.uniform(-6, 6),
        radius * rng.uniform(0.9, 1.15),
        radius * rng.uniform(0.85, 1.05),
        rng.uniform(54, 62),
        rng.uniform(0, 3),
    )

"""Axial slices of a chest as CT and MR see them. Shapes come from `anatomy`; this module only paints them."""

from __future__ import annotations

import cv2
import numpy as np

from tasks.simulate.anatomy import Anatomy, Ellipse, Floats

# What each tissue measures: CT in HU, MR in parts of full signal.
TISSUES: dict[str, dict[str, float]] = {
    "CT": {
        "air": -1000, "fat": -95, "muscle": 52, "lung": -850, "vessel": 30, "myocardium": 78, "blood": 132,
        "cortex": 520, "marrow": 170, "cord": 35, "liver": 92, "calcium": 620, "lesion": 280, "table": -350,
    },
    "T1": {
        "air": 0.0, "fat": 0.88, "muscle": 0.36, "lung": 0.06, "vessel": 0.22, "myocardium": 0.42, "blood": 0.16,
        "cortex": 0.08, "marrow": 0.55, "cord": 0.38, "liver": 0.48, "calcium": 0.02, "lesion": 1.0, "table": 0.0,
    },
    "T2": {
        "air": 0.0, "fat": 0.70, "muscle": 0.20, "lung": 0.05, "vessel": 0.40, "myocardium": 0.30, "blood": 0.48,
        "cortex": 0.06, "marrow": 0.42, "cord": 0.62, "liver": 0.26, "calcium": 0.02, "lesion": 1.1, "table": 0.0,
    },
}  # fmt: skip


class Canvas:
    """A square picture of `size` pixels over `field` mm, with the body's origin in its middle, row 0 at the front."""

    def __init__(self, size: int, field: float, ground: float) -> None:
        self.step = field / size
        self.axis = ((np.arange(size, dtype=np.float32) + 0.5) * self.step - field / 2).astype(np.float32)
        self.image: Floats = np.full((size, size), ground, np.float32)

    def cover(self, shape: Ellipse, *, lobes: tuple[float, ...] = ()) -> tuple[slice, slice, Floats] | None:
        """Where `shape` lies and how much of each pixel it covers, 0 to 1; `lobes` roughen the edge."""
        reach = max(shape.a, shape.b) * (1 + sum(lobes)) + 2 * self.step
        columns, rows = self._span(shape.x, reach), self._span(shape.y, reach)
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return None
        x, y = self.axis[columns][None, :] - np.float32(shape.x), self.axis[rows][:, None] - np.float32(shape.y)
        cosine, sine = np.float32(np.cos(shape.angle)), np.float32(np.sin(shape.angle))
        distance = np.hypot(
            (cosine * x + sine * y) / np.float32(shape.a), (cosine * y - sine * x) / np.float32(shape.b)
        )
        edge = np.float32(1)
        if lobes:
            turn = np.arctan2(y, x)
            edge = 1 + sum(np.float32(size) * np.cos((2 + k) * turn + k) for k, size in enumerate(lobes))
        sharp = np.float32(min(shape.a, shape.b) / (1.6 * self.step))
        return rows, columns, np.clip((edge - distance) * sharp + np.float32(0.5), 0, 1).astype(np.float32)

    def paint(
        self, shape: Ellipse | None, value: float, *, within: Floats | None = None, lobes: tuple[float, ...] = ()
    ) -> None:
        """Lay `value` over the pixels that `shape` covers."""
        if shape is None or min(shape.a, shape.b) < 0.3 or (covered := self.cover(shape, lobes=lobes)) is None:
            return
        rows, columns, share = covered
        if within is not None:
            share = share * within[rows, columns]
        view = self.image[rows, columns]
        view += share * (np.float32(value) - view)

    def _span(self, middle: float, reach: float) -> slice:
        low, high = np.searchsorted(self.axis, [middle - reach, middle + reach])
        return slice(int(low), int(high))


def draw_slice(anatomy: Anatomy, z: float, weighting: str, size: int, field: float) -> Floats:
    """The slice at height `z` (mm) without noise: (size, size) in HU for "CT", else in parts of full signal."""
    tissue = TISSUES[weighting]
    canvas = Canvas(size, field, tissue["air"])
    body, heart = anatomy.body, anatomy.heart.cut(z)
    if weighting == "CT":
        canvas.paint(Ellipse(0, body.b + 26, 190, 22), tissue["table"])
        canvas.paint(Ellipse(0, body.b + 20, 186, 22), tissue["air"])
    if anatomy.breasts and abs(z) < 50:
        bulge = anatomy.breasts * np.sqrt(1 - (z / 50) ** 2)
        for side in (-1, 1):
            canvas.paint(Ellipse(side * body.a * 0.45, -body.b * 0.86, 52, bulge + 4), tissue["fat"])
    canvas.paint(body, tissue["fat"])
    canvas.paint(Ellipse(0, 2, body.a - anatomy.fat, body.b - anatomy.fat), tissue["muscle"])
    lungs = np.zeros_like(canvas.image)
    for lung in (anatomy.right_lung, anatomy.left_lung):
        shape = lung.cut(z * 1.05 + 8)
        if shape is not None and (covered := canvas.cover(shape)) is not None:
            lungs[covered[0], covered[1]] = np.maximum(lungs[covered[0], covered[1]], covered[2])
    canvas.image += lungs * (np.float32(tissue["lung"]) - canvas.image)
    for x, y, height, radius in anatomy.vessels:
        if abs(z - height) < 3 * radius:
            canvas.paint(Ellipse(x, y, radius * 1.3, radius, x + y), tissue["vessel"], within=lungs)
    _paint_middle(canvas, anatomy, z, tissue)
    if heart is not None:
        canvas.paint(Ellipse(heart.x, heart.y, heart.a + 4, heart.b + 4, heart.angle), tissue["fat"])
        canvas.paint(heart, tissue["myocardium"])
    for chamber in (anatomy.left_ventricle, anatomy.right_ventricle):
        canvas.paint(chamber.cut(z), tissue["blood"])
    canvas.paint(anatomy.liver.cut(z), tissue["liver"])
    for x, y, height, radius in anatomy.calcifications:
        if abs(z - height) < 2 * radius:
            canvas.paint(Ellipse(x, y, radius, radius), tissue["calcium"])
    if anatomy.lesion is not None:
        canvas.paint(anatomy.lesion.cut(z), tissue["lesion"], lobes=(0.06, 0.07, 0.04))
    _paint_bones(canvas, anatomy, z, tissue)
    return canvas.image


def _paint_middle(canvas: Canvas, anatomy: Anatomy, z: float, tissue: dict[str, float]) -> None:
    heart, aorta = anatomy.heart, anatomy.aorta
    canvas.paint(Ellipse(4, 14, 27, 58), tissue["fat"])
    canvas.paint(aorta, tissue["blood"])
    canvas.paint(Ellipse(aorta.x - 20, aorta.y - 14, 7, 5), tissue["muscle"])  # oesophagus
    if z > heart.z + 30:
        canvas.paint(Ellipse(heart.x - 26, -18, 16, 15), tissue["blood"])  # ascending aorta
        canvas.paint(Ellipse(heart.x + 6, -14, 20, 12, 0.7), tissue["blood"])  # pulmonary trunk
        canvas.paint(Ellipse(heart.x - 48, -6, 9, 9), tissue["blood"])  # superior vena cava
    if z > 45:
        canvas.paint(Ellipse(2, 16, 9, 8), tissue["air"])
    elif z > 12:
        for side in (-1, 1):
            canvas.paint(Ellipse(side * (10 + (45 - z) * 0.8), 20, 7, 6), tissue["air"])


def _paint_bones(canvas: Canvas, anatomy: Anatomy, z: float, tissue: dict[str, float]) -> None:
    body, fat = anatomy.body, anatomy.fat
    back = body.b - fat - 44
    canvas.paint(Ellipse(0, back, 21, 16), tissue["cortex"])
    canvas.paint(Ellipse(0, back, 18.5, 13.5), tissue["marrow"])
    canvas.paint(Ellipse(0, back + 24, 17, 11), tissue["cortex"])
    canvas.paint(Ellipse(0, back + 22, 9.5, 7.5), tissue["cord"])
    canvas.paint(Ellipse(0, back + 36, 3.5, 9), tissue["cortex"])
    front = body.b - fat - 8
    canvas.paint(Ellipse(0, -front, 17, 6), tissue["cortex"])
    canvas.paint(Ellipse(0, -front, 15, 4), tissue["marrow"])
    a, b = body.a - fat - 11, body.b - fat - 9
    for rib in range(9):
        turn = anatomy.rib_phase + z / 30 + rib * 2 * np.pi / 9
        for side in (-1, 1):
            # ribs run between spine and sternum, so the angles next to both stay free
            angle = 0.25 * np.pi + (np.sin(turn) * 0.5 + 0.5) * 1.1 * np.pi - 0.55 * np.pi
            x, y = side * a * float(np.cos(angle)), b * float(np.sin(angle))
            lie = float(np.arctan2(b * np.cos(angle), -side * a * np.sin(angle)))
            canvas.paint(Ellipse(x, y, 11, 4.5, lie), tissue["cortex"])
            canvas.paint(Ellipse(x, y, 8.5, 2.4, lie), tissue["marrow"])


def scan_ct(image: Floats, rng: np.random.Generator, noise: float) -> Floats:
    """`image` with the blur and the grainy noise of a CT; HU."""
    grain = cv2.GaussianBlur(rng.standard_normal(image.shape, dtype=np.float32), (0, 0), 0.8)
    return cv2.GaussianBlur(image, (0, 0), 0.7) + grain * np.float32(noise * 2.2)  # type: ignore[no-any-return]


def scan_mr(image: Floats, rng: np.random.Generator, noise: float, coil: tuple[float, float]) -> Floats:
    """`image` with uneven coil sensitivity (`coil`: slope along x and y) and Rician noise; parts of full signal."""
    rows, columns = image.shape
    x, y = np.linspace(-1, 1, columns, dtype=np.float32)[None, :], np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    field = 1 + np.float32(coil[0]) * x + np.float32(coil[1]) * y - np.float32(0.18) * (x**2 + y**2)
    signal = cv2.GaussianBlur(image, (0, 0), 0.8) * field
    real = signal + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(noise)
    return np.hypot(real, rng.standard_normal(image.shape, dtype=np.float32) * np.float32(noise))  # type: ignore[no-any-return]

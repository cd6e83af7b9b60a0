"""The two networks of RapidOCR's wheel (PP-OCRv4, in ONNX): where text lines are, and what one says.

They are run by onnxruntime directly, on one thread, so that results don't depend on the machine's size and memory stays
small; nothing is ever downloaded. Which lines count as text is decided in lines.py. Import this late: it is slow to
import and to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from tasks.core.errors import ConfigurationError

Image = npt.NDArray[np.uint8]
Likelihood = npt.NDArray[np.float32]

_DETECTOR, _READER = "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"
_STRIDE = 32  # the detector takes sides that are multiples of this
_HEIGHT = 48  # of a line that the reader takes
_WIDEST = 960


@dataclass(frozen=True, repr=False)
class Reading:
    """What a line says, how sure the reader is, 0 to 1, and where its characters are, as shares of its length.

    May name a patient, so its repr is silent.
    """

    text: str = ""
    score: float = 0.0
    places: tuple[float, ...] = ()


def likelihood(image: Image) -> Likelihood:
    """For each pixel of a grey image (rows, columns) how likely it is in the core of a text line, 0 to 1."""
    rows, columns = image.shape
    below, beside = -rows % _STRIDE, -columns % _STRIDE
    padded = cv2.copyMakeBorder(image, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    found = _run(_DETECTOR, padded)[0, 0]
    return np.asarray(found[:rows, :columns], np.float32)


def read(line: Image) -> Reading:
    """What a line of text says that fills the grey image `line`."""
    rows, columns = line.shape
    width = min(_WIDEST, max(_STRIDE, round(_HEIGHT * columns / rows)))
    method = cv2.INTER_CUBIC if rows < _HEIGHT else cv2.INTER_AREA
    chances = _run(_READER, cv2.resize(line, (width, _HEIGHT), interpolation=method))[0]
    best = chances.argmax(axis=1)
    kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])  # CTC: blanks and repeats say nothing
    if not kept.any():
        return Reading()
    letters = _alphabet()
    places = tuple((np.flatnonzero(kept) + 0.5) / len(best))
    return Reading("".join(letters[at] for at in best[kept]), float(chances.max(axis=1)[kept].mean()), places)


def _run(name: str, image: Image) -> npt.NDArray[Any]:
    scaled = image.astype(np.float32) / np.float32(127.5) - np.float32(1)
    colours = np.repeat(scaled[None, None], 3, axis=1)
    return np.asarray(_network(name).run(None, {"x": colours})[0])


@lru_cache(maxsize=2)
def _network(name: str) -> Any:
    wheel = find_spec("rapidocr_onnxruntime")
    model = Path(wheel.origin).parent / "models" / name if wheel is not None and wheel.origin else Path(name)
    if not model.is_file():
        raise ConfigurationError("the text detector's models are missing: install rapidocr-onnxruntime again")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = True  # keeps the largest tile's memory, and tiles are small; a sixth faster
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=1)
def _alphabet() -> tuple[str, ...]:
    characters = _network(_READER).get_modelmeta().custom_metadata_map["character"]
    return ("", *characters.split("\n"), " ")

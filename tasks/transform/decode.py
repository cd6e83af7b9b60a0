"""Pixel data to arrays, frame by frame, so that memory stays flat however many frames there are.

Says nothing about what the values mean. Raises `UnitError` with a reason; no library's message passes this module.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.transform.codecs import DEFLATED_FRAMES, find_decoder, inflate_frame
from tasks.transform.headers import integer, raw_bytes
from tasks.transform.pixels import PixelHeader

Array = npt.NDArray[Any]
Decoded = tuple[Array, dict[str, str | int]]

log = logging.getLogger(__name__)


def decode_frames(ds: Dataset, header: PixelHeader) -> Iterator[Array]:
    """Yield exactly `header.frames` arrays, one at a time, in native byte order and of `header.dtype`.

    Shape (rows, columns) for grey levels and palette indices, (rows, columns, 3) for colour, which is RGB whatever
    the encoding. Frames beyond NumberOfFrames are not given. Raises UNSUPPORTED_ENCODING, PIXELS_TRUNCATED
    or DECODE_FAILED.
    """
    decoder = find_decoder(header.transfer_syntax)
    if decoder is None and header.transfer_syntax != DEFLATED_FRAMES:
        raise QuarantineUnit(Reason.UNSUPPORTED_ENCODING)
    try:
        content = raw_bytes(ds, header.keyword)
    except Exception:  # pydicom: an element whose value cannot be converted
        raise QuarantineUnit(Reason.DECODE_FAILED) from None
    native = decoder is not None and decoder.is_native
    if not content or (native and len(content) < header.native_bytes):
        raise QuarantineUnit(Reason.PIXELS_TRUNCATED)
    count = 0
    if decoder is None:
        frames = _inflated(ds, header)
    elif native and header.bits_allocated == 1 and header.samples == 1:
        frames = _unpacked(content, header)
    elif native and header.keyword == "PixelData" and header.samples == 1 and _is_plain(header):
        frames = _native(content, header)
    else:
        frames = decoder.iter_array(ds, raw=True, validate=True, allow_excess_frames=False)
    while count < header.frames:
        try:
            decoded = next(frames, None)
            frame = (
                None if decoded is None else _conform(decoded[0], str(decoded[1]["photometric_interpretation"]), header)
            )
        except Exception as error:  # decoders raise anything; their text may quote the header
            log.debug("decoding stopped with %s", type(error).__name__)
            raise QuarantineUnit(Reason.DECODE_FAILED) from None
        if frame is None:
            raise QuarantineUnit(Reason.PIXELS_TRUNCATED)
        yield frame
        count += 1


def _inflated(ds: Dataset, header: PixelHeader) -> Iterator[Decoded]:
    """Frames of Deflated Image Frame Compression, which pydicom doesn't know: inflate each, then read it as native."""
    native = cast(Decoder, find_decoder(ExplicitVRLittleEndian))
    length = math.ceil(header.rows * header.columns * header.samples * header.bits_allocated / 8)
    described: dict[str, Any] = {
        "rows": header.rows,
        "columns": header.columns,
        "samples_per_pixel": header.samples,
        "planar_configuration": integer(ds, "PlanarConfiguration") or 0,
        "number_of_frames": 1,
        "bits_allocated": header.bits_allocated,
        "bits_stored": header.bits_stored,
        "pixel_representation": int(header.signed),
        "photometric_interpretation": header.photometric,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OW" if header.bits_allocated > 8 else "OB",
    }
    for encoded in generate_frames(ds.PixelData, number_of_frames=header.frames):
        yield native.as_array(inflate_frame(encoded, length), index=0, raw=True, **described)


def _is_plain(header: PixelHeader) -> bool:
    return header.bits_allocated in (8, 16) and header.transfer_syntax != ExplicitVRBigEndian


def _native(content: bytes, header: PixelHeader) -> Iterator[Decoded]:
    """Native little-endian frames of whole bytes, as pydicom gives them, in a tenth of its time; read-only ones.

    Bits above BitsStored say nothing (PS3.5 8.1.1): they are overwritten with the sign, or with zeros. Mostly they are
    that already, and to see so takes half the time of writing them.
    """
    size, unused = header.rows * header.columns, header.bits_allocated - header.bits_stored
    dtype = header.dtype.newbyteorder("<")
    low, high = header.stored_range
    for index in range(header.frames):
        frame = np.frombuffer(content, dtype, size, index * size * dtype.itemsize)
        if unused and not (low <= frame.min() and frame.max() <= high):
            frame = frame << unused
            frame >>= unused
        yield frame.reshape(header.rows, header.columns), {"photometric_interpretation": header.photometric}


def _unpacked(content: bytes, header: PixelHeader) -> Iterator[Decoded]:
    """Native frames of one bit a pixel (PS3.5 8.1.1), which follow each other without a gap, even within a byte.

    pydicom 3.0.2 fails on all frames but the first where a frame does not end with a byte.
    """
    size = header.rows * header.columns
    for start in range(0, size * header.frames, size):
        part = np.frombuffer(content[start // 8 : -(-(start + size) // 8)], np.uint8)
        bits = np.unpackbits(part, bitorder="little")[start % 8 : start % 8 + size]
        yield bits.reshape(header.rows, header.columns), {"photometric_interpretation": header.photometric}


def _conform(frame: Array, photometric: str, header: PixelHeader) -> Array:
    shape = (header.rows, header.columns, 3) if header.samples == 3 else (header.rows, header.columns)
    if frame.shape != shape:
        raise ValueError("another shape than the header's")
    if header.samples == 3 and photometric.startswith("YBR_FULL"):
        frame = ybr_to_rgb(frame, header.bits_stored)
    return np.ascontiguousarray(frame.astype(header.dtype, copy=False))


def ybr_to_rgb(frame: Array, bits_stored: int) -> Array:
    """YBR_FULL to RGB (PS3.3 C.7.6.3.1.2), rounded and clipped to `bits_stored`; shape (rows, columns, 3)."""
    if frame.dtype == np.uint8 and bits_stored == 8:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(frame[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB))
    half = 2.0 ** (bits_stored - 1)
    luma, blue, red = (frame[..., channel].astype(np.float64) for channel in range(3))
    rgb = np.stack(
        [
            luma + 1.402 * (red - half),
            luma - 0.114 * 1.772 / 0.587 * (blue - half) - 0.299 * 1.402 / 0.587 * (red - half),
            luma + 1.772 * (blue - half),
        ],
        axis=-1,
    )
    return np.clip(np.rint(rgb), 0, 2.0**bits_stored - 1).astype(frame.dtype)

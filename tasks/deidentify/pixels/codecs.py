"""Frames to words and back: which decoder and which encoder serve which transfer syntax. Lossless on the way back.

Words keep the colour space of the codestream, except that the transforms of JPEG 2000 are undone. Raises whatever the
libraries raise; callers turn that into a reason.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import uid

from tasks.deidentify.pixels.codestream import read_jpeg2000_size, read_jpeg_size
from tasks.deidentify.pixels.deep_jpeg import decode_12_bit, decode_lossless
from tasks.deidentify.pixels.layout import Array, Layout

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55")
_JPEG_LOSSLESS = (str(uid.JPEGLossless), str(uid.JPEGLosslessSV1))
_JPEG_LS = (str(uid.JPEGLSLossless), str(uid.JPEGLSNearLossless))
_JPEG_2000 = tuple(map(str, (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)))
_DECODED = {*_JPEG, *_JPEG_LOSSLESS, *_JPEG_LS, *_JPEG_2000, str(uid.RLELossless), DEFLATED_FRAMES}
_ENCODED = {str(s) for s in (uid.RLELossless, uid.JPEG2000Lossless, uid.JPEG2000, uid.JPEGLSLossless)} | {
    DEFLATED_FRAMES
}
_LOSSY = {
    **dict.fromkeys(_JPEG, "ISO_10918_1"),
    str(uid.JPEGLSNearLossless): "ISO_14495_1",
    str(uid.JPEG2000): "ISO_15444_1",
    str(uid.HTJ2K): "ISO_15444_15",
}
_SMALLEST_JPEG_2000 = 32  # pixels a side: OpenJPEG makes six resolutions, each half of the one before
_DEEPEST_JPEG_2000 = 24  # bits


_COSTS = {  # microseconds a sample that decoding takes about; 0.002 for what isn't compressed
    **dict.fromkeys(_JPEG, 0.004),
    **dict.fromkeys((*_JPEG_LOSSLESS, *_JPEG_LS), 0.02),
    **dict.fromkeys(_JPEG_2000, 0.05),
    str(uid.RLELossless): 0.005,
    DEFLATED_FRAMES: 0.005,
}
_DEEP = 2  # times as much for more than 8 bits


class BadStream(ValueError):
    """The codestream contradicts the header."""


def can_decode(syntax: str) -> bool:
    """Whether encapsulated frames of this transfer syntax can be decoded."""
    return syntax in _DECODED


def decoding_cost(syntax: str, layout: Layout) -> float:
    """How much work it is to decode a sample, in microseconds of no machine in particular."""
    return _COSTS.get(syntax, 0.002) * (_DEEP if layout.stored > 8 else 1)


def is_jpeg_2000(syntax: str) -> bool:
    """Whether frames of this transfer syntax are JPEG 2000 codestreams."""
    return syntax in _JPEG_2000


def keeps_planes(syntax: str) -> bool:
    """Whether frames that `encode` makes may have one plane after the other."""
    return syntax in (uid.RLELossless, uid.JPEGLSLossless, DEFLATED_FRAMES)


def lossy_method(syntax: str) -> str:
    """The defined term (PS3.3 C.7.6.1.1.5.1) for a transfer syntax whose frames may be lossy; "" for the others."""
    return _LOSSY.get(syntax, "")


def lossless_syntax(syntax: str, layout: Layout) -> str:
    """The transfer syntax for frames that are encoded again without loss: the same one where it has an encoder."""
    found = syntax if syntax in _ENCODED else str(uid.JPEG2000Lossless)
    if syntax == uid.JPEGLSNearLossless and layout.stored > 1:
        return str(uid.JPEGLSLossless)
    small = min(layout.rows, layout.columns) < _SMALLEST_JPEG_2000 or layout.stored > _DEEPEST_JPEG_2000
    return str(uid.RLELossless) if found in _JPEG_2000 and small else found


def decode(content: bytes, layout: Layout, syntax: str) -> tuple[Array, str]:
    """One encapsulated frame: its words, and the photometric interpretation that they have."""
    photometric = layout.photometric
    if syntax == DEFLATED_FRAMES:
        native = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, layout.native_bytes)
        return from_native(native, layout), photometric
    if syntax == uid.RLELossless:
        words = _decode_rle(content, layout)
    elif syntax in _JPEG_2000:
        words = _decode_jpeg_2000(content, layout)
        photometric = "RGB" if photometric in ("YBR_ICT", "YBR_RCT") else photometric
    elif syntax in _JPEG_LS:
        words = _decode_jpeg_ls(content, layout)
    else:
        words, photometric = _decode_jpeg(content, layout, syntax)
    if words.shape != layout.shape:
        raise BadStream("another shape than the header's")
    return words, "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def encode(words: Array, layout: Layout, syntax: str, photometric: str) -> bytes:
    """One frame without loss; `syntax` is what `lossless_syntax` gave. Of even length."""
    if syntax == DEFLATED_FRAMES:
        deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
        content = deflater.compress(to_native(words, layout)) + deflater.flush()
    elif syntax == uid.RLELossless:
        content = _encode_rle(words, layout)
    elif syntax == uid.JPEGLSLossless:
        content = _encode_jpeg_ls(words, layout)
    else:
        content = _encode_jpeg_2000(words, layout, photometric)
    return content + b"\0" * (len(content) % 2)


def from_native(content: bytes, layout: Layout) -> Array:
    """Samples without compression as words; YBR_FULL_422 keeps its two luminances and shared colours as (rows, n)."""
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        return bits[: layout.rows * layout.columns].reshape(layout.shape)
    words = np.frombuffer(content, layout.word.newbyteorder(layout.order)).astype(layout.word)
    if layout.swapped:
        words = words.reshape(-1, 2)[:, ::-1].reshape(-1)
    if layout.subsampled:
        return words[: layout.rows * layout.columns * 2].reshape(layout.rows, layout.columns * 2).copy()
    words = words[: layout.rows * layout.columns * layout.samples]
    if layout.samples > 1 and layout.planar:
        return np.ascontiguousarray(np.moveaxis(words.reshape(layout.samples, layout.rows, layout.columns), 0, 2))
    return words.reshape(layout.shape)


def to_native(words: Array, layout: Layout) -> bytes:
    """The reverse of `from_native`, with a byte of padding where bytes lie in swapped pairs and their number is odd."""
    if layout.allocated == 1:
        return np.packbits(words.reshape(-1), bitorder="little").tobytes()
    if layout.samples > 1 and layout.planar and not layout.subsampled:
        words = np.moveaxis(words, 2, 0)
    content = np.ascontiguousarray(words).astype(layout.word.newbyteorder(layout.order)).tobytes()
    if layout.swapped:
        content += b"\0" * (len(content) % 2)
        content = np.frombuffer(content, np.uint8).reshape(-1, 2)[:, ::-1].tobytes()
    return content


def _decode_rle(content: bytes, layout: Layout) -> Array:
    import rle

    planes = rle.decode_pixel_data(
        content, version=2, rows=layout.rows, columns=layout.columns, bits_allocated=layout.allocated
    )
    words = np.frombuffer(planes, layout.word.newbyteorder("<")).astype(layout.word)
    shape = (layout.samples, layout.rows, layout.columns)
    return np.ascontiguousarray(np.moveaxis(words.reshape(shape), 0, 2)).reshape(layout.shape)


def _encode_rle(words: Array, layout: Layout) -> bytes:
    import rle.utils

    return bytes(
        rle.utils.encode_pixel_data(
            to_native(words, layout) if layout.allocated == 1 else np.ascontiguousarray(words).tobytes(),
            byteorder="<",
            rows=layout.rows,
            columns=layout.columns,
            samples_per_pixel=layout.samples,
            bits_allocated=layout.allocated,
        )
    )


def _decode_jpeg_2000(content: bytes, layout: Layout) -> Array:
    import openjpeg

    size = read_jpeg2000_size(content)
    if size is None or (size.rows, size.columns, size.samples) != (layout.rows, layout.columns, layout.samples):
        raise BadStream("the codestream's size is not the header's")
    samples = openjpeg.decode_pixel_data(content, version=2)
    width = 1 if size.precision <= 8 else 2 if size.precision <= 16 else 4
    return _fitted(np.frombuffer(samples, f"<{'i' if size.signed else 'u'}{width}"), layout).reshape(layout.shape)


def _encode_jpeg_2000(words: Array, layout: Layout, photometric: str) -> bytes:
    from openjpeg.utils import encode_buffer

    values = layout.values(words)
    width = 1 if layout.stored <= 8 else 2 if layout.stored <= 16 else 4
    samples = np.ascontiguousarray(values).astype(f"<{'i' if layout.signed else 'u'}{width}")
    return bytes(
        encode_buffer(
            samples.tobytes(),
            columns=layout.columns,
            rows=layout.rows,
            samples_per_pixel=layout.samples,
            bits_stored=layout.stored,
            is_signed=layout.signed,
            photometric_interpretation=1 if photometric == "RGB" else 0,
            use_mct=photometric == "RGB",
        )
    )


def _decode_jpeg_ls(content: bytes, layout: Layout) -> Array:
    import jpeg_ls

    samples, info = jpeg_ls.decode_pixel_data(content)
    words = _fitted(np.frombuffer(samples, "u1" if info["bits_per_sample"] <= 8 else "<u2"), layout)
    if layout.samples > 1 and info["interleave_mode"] == 0:
        words = np.moveaxis(words.reshape(layout.samples, layout.rows, layout.columns), 0, 2)
    return np.ascontiguousarray(words).reshape(layout.shape)


def _encode_jpeg_ls(words: Array, layout: Layout) -> bytes:
    import jpeg_ls

    narrow = np.ascontiguousarray(np.moveaxis(words, 2, 0) if layout.samples > 1 and layout.planar else words)
    used = (narrow & layout.word.type(layout.used)).astype("<u2" if layout.stored > 8 else "u1")
    interleave = 0 if layout.samples == 1 or layout.planar else 2
    return bytes(
        jpeg_ls.encode_buffer(used.tobytes(), layout.rows, layout.columns, layout.samples, layout.stored, 0, interleave)
    )


def _decode_jpeg(content: bytes, layout: Layout, syntax: str) -> tuple[Array, str]:
    size = read_jpeg_size(content)
    if size is None or (size.rows, size.columns, size.samples) != (layout.rows, layout.columns, layout.samples):
        raise BadStream("the codestream's size is not the header's")
    if syntax in _JPEG_LOSSLESS:
        return decode_lossless(content, layout, syntax), layout.photometric
    if size.precision > 8:
        return decode_12_bit(content, layout, size.precision), layout.photometric
    return _decode_baseline(content, layout)


def _decode_baseline(content: bytes, layout: Layout) -> tuple[Array, str]:
    """8 bits by Pillow's libjpeg; three components are asked for as the stream has them, so that nothing is rounded."""
    from PIL import Image

    image: Any = Image.open(BytesIO(content), formats=("JPEG",))
    photometric = layout.photometric
    transform = image.info.get("adobe_transform")
    if layout.samples == 3 and transform != 0:
        image.draft("YCbCr", image.size)
        if transform == 1 and not photometric.startswith("YBR"):
            photometric = "YBR_FULL"
    return np.asarray(image).astype(layout.word).reshape(layout.shape), photometric


def _fitted(samples: Array, layout: Layout) -> Array:
    """Samples of a codestream as words: negative ones keep their lower bits, and shorter ones are widened."""
    if samples.dtype.itemsize > layout.word.itemsize:
        return samples.astype(samples.dtype.newbyteorder("=")).astype(layout.word)
    return samples.astype(f"{samples.dtype.kind}{layout.word.itemsize}").view(layout.word)

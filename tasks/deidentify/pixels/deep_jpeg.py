"""JPEG of more than 8 bits and lossless JPEG, which of the libraries that we have only GDCM decodes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from pydicom import uid

from tasks.deidentify.pixels.layout import Array, Layout


def decode_lossless(content: bytes, layout: Layout, syntax: str) -> Array:
    """A frame of JPEG lossless (process 14) as words."""
    raw = _gdcm(content, layout, layout.stored, syntax)
    words = np.frombuffer(raw, layout.word.newbyteorder("<")).astype(layout.word)
    return words[: layout.rows * layout.columns * layout.samples].reshape(layout.shape)


def decode_12_bit(content: bytes, layout: Layout, precision: int) -> Array:
    """A frame of lossy JPEG of 12 bits as words.

    Told fewer bits than the stream has, GDCM cuts what overshoots, and white turns black: so decode all, then clip.
    """
    raw = _gdcm(content, layout, precision, str(uid.JPEGExtended12Bit))
    values = np.frombuffer(raw, "<i2" if layout.signed else "<u2").astype(np.int32)
    top = 2 ** (layout.stored - layout.signed) - 1
    values = np.clip(values, -top - 1 if layout.signed else 0, top)
    return layout.words(values[: layout.rows * layout.columns * layout.samples]).reshape(layout.shape)


def _gdcm(content: bytes, layout: Layout, stored: int, syntax: str) -> bytes:
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(content)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image: Any = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((layout.columns, layout.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(layout.photometric)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    if layout.samples > 1:
        image.SetPlanarConfiguration(0)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(layout.samples, layout.allocated, stored, stored - 1, int(layout.signed)))
    # GDCM's wrapper gives char* as str
    return cast(bytes, image.GetBuffer().encode("utf-8", "surrogateescape"))

"""Which decoder decodes which transfer syntax: pinned, since decoders differ by up to 13 grey levels on lossy JPEG.

Each function has the form of a pydicom decoding plugin: (one encoded frame, its runner) → the raw samples, in the
colour space of the stream. They are held in `Decoder` objects of our own, so pydicom's own list stays as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from typing import cast

import gdcm
import jpeg_ls
import numpy as np
import openjpeg
import rle
from PIL import Image
from pydicom import uid
from pydicom.pixels.decoders.base import Decoder, DecodeRunner

from tasks.transform.codestream import FrameSize, read_jpeg2000_size, read_jpeg_size

DEFLATED_FRAMES = uid.UID("1.2.840.10008.1.2.8.1")
_SPECTRAL_SELECTION = uid.UID("1.2.840.10008.1.2.4.53")
_FULL_PROGRESSION = uid.UID("1.2.840.10008.1.2.4.55")


class BadStream(ValueError):
    """The codestream contradicts the header, so that decoding it would give other pixels than promised."""


def decode_pillow_or_gdcm(src: bytes, runner: DecodeRunner) -> bytes:
    """Lossy JPEG (processes 1, 2/4, 6/8, 10/12): 8 bit by Pillow's libjpeg-turbo, 12 bit by GDCM's libjpeg."""
    size = _checked(read_jpeg_size(src), runner)
    return _decode_12_bit(src, runner, size) if size.precision > 8 else _decode_8_bit(src, runner)


def decode_gdcm(src: bytes, runner: DecodeRunner) -> bytes:
    """Lossless JPEG (process 14), by GDCM."""
    _checked(read_jpeg_size(src), runner)
    return _gdcm(src, runner, runner.bits_stored, runner.transfer_syntax)


def decode_pyjpegls(src: bytes, runner: DecodeRunner) -> bytes:
    """JPEG-LS, by CharLS."""
    size = _checked(read_jpeg_size(src), runner)
    samples, info = jpeg_ls.decode_pixel_data(src)
    if size.samples > 1:
        runner.set_option("planar_configuration", 1 if info["interleave_mode"] == 0 else 0)
    runner.set_option("bits_allocated", 8 if info["bits_per_sample"] <= 8 else 16)
    return cast(bytes, samples)


def decode_openjpeg(src: bytes, runner: DecodeRunner) -> bytes:
    """JPEG 2000 and HTJ2K, by OpenJPEG; its colour transforms are undone by the decoder."""
    size = _checked(read_jpeg2000_size(src), runner)
    samples = openjpeg.decode_pixel_data(src, version=2, **runner.options)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    if size.samples > 1:
        runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8 if size.precision <= 8 else 16 if size.precision <= 16 else 32)
    return cast(bytes, samples)


def decode_rle(src: bytes, runner: DecodeRunner) -> bytes:
    """RLE Lossless (PS3.5 annex G), by pylibjpeg-rle; gives one plane after the other."""
    samples = rle.decode_pixel_data(src, version=2, **runner.options)
    runner.set_option("planar_configuration", 1)
    return cast(bytes, samples)


def inflate_frame(src: bytes, length: int) -> bytes:
    """One frame of Deflated Image Frame Compression (PS3.5 A.4.14, RFC 1951); inflates no more than `length` bytes."""
    samples = zlib.decompressobj(wbits=-15).decompress(src, length)
    if len(samples) < length:
        raise BadStream("fewer bytes than a frame has")
    return samples


Codec = Callable[[bytes, DecodeRunner], bytes]
_CODECS: dict[uid.UID, tuple[Codec, tuple[str, ...]]] = {
    uid.JPEGBaseline8Bit: (decode_pillow_or_gdcm, ("pillow",)),
    uid.JPEGExtended12Bit: (decode_pillow_or_gdcm, ("pillow", "python-gdcm")),
    _SPECTRAL_SELECTION: (decode_pillow_or_gdcm, ("pillow", "python-gdcm")),
    _FULL_PROGRESSION: (decode_pillow_or_gdcm, ("pillow", "python-gdcm")),
    uid.JPEGLossless: (decode_gdcm, ("python-gdcm",)),
    uid.JPEGLosslessSV1: (decode_gdcm, ("python-gdcm",)),
    uid.JPEGLSLossless: (decode_pyjpegls, ("pyjpegls",)),
    uid.JPEGLSNearLossless: (decode_pyjpegls, ("pyjpegls",)),
    uid.JPEG2000Lossless: (decode_openjpeg, ("pylibjpeg-openjpeg",)),
    uid.JPEG2000: (decode_openjpeg, ("pylibjpeg-openjpeg",)),
    uid.HTJ2KLossless: (decode_openjpeg, ("pylibjpeg-openjpeg",)),
    uid.HTJ2KLosslessRPCL: (decode_openjpeg, ("pylibjpeg-openjpeg",)),
    uid.HTJ2K: (decode_openjpeg, ("pylibjpeg-openjpeg",)),
    uid.RLELossless: (decode_rle, ("pylibjpeg-rle",)),
}
_NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
DECODER_DEPENDENCIES = {syntax: packages for syntax, (_, packages) in _CODECS.items()}  # pydicom asks for this name


def is_available(syntax: str) -> bool:
    """Whether `syntax` can be decoded; pydicom asks its plugins so."""
    return syntax in _CODECS


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """One encoded frame to raw samples, by the codec that is pinned for the runner's transfer syntax."""
    return _CODECS[runner.transfer_syntax][0](src, runner)


def find_decoder(syntax: str) -> Decoder | None:
    """The decoder for a transfer syntax, or None where there is none."""
    return _DECODERS.get(syntax)


def describe_decoder(syntax: str) -> str:
    """What decodes `syntax`, with versions, for the record: `pylibjpeg-openjpeg 2.6.0`."""
    packages = _CODECS[uid.UID(syntax)][1] if syntax in _CODECS else ("pydicom",)
    if syntax == DEFLATED_FRAMES:
        packages = ("zlib",)
    return ", ".join(_with_version(package) for package in packages)


def _make_decoder(syntax: uid.UID) -> Decoder:
    decoder = Decoder(syntax)
    if syntax in _CODECS:
        decoder.add_plugin("pinned", (__name__, "decode_frame"))
    return decoder


def _with_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} {zlib.ZLIB_RUNTIME_VERSION}" if package == "zlib" else package


def _checked(size: FrameSize | None, runner: DecodeRunner) -> FrameSize:
    if size is None or (size.rows, size.columns) != (runner.rows, runner.columns):
        raise BadStream("the codestream's size is not Rows x Columns")
    if size.samples != runner.samples_per_pixel:
        raise BadStream("the codestream's components are not SamplesPerPixel")
    return size


def _decode_8_bit(src: bytes, runner: DecodeRunner) -> bytes:
    image = Image.open(BytesIO(src), formats=("JPEG",))
    transform = image.info.get("adobe_transform")
    if runner.samples_per_pixel == 3 and transform != 0:
        image.draft("YCbCr", image.size)  # keep the stream's colour space; the conversion is ours
        if transform == 1 and "YBR" not in runner.photometric_interpretation:
            runner.set_option("photometric_interpretation", "YBR_FULL")
    if runner.samples_per_pixel == 3:
        runner.set_option("planar_configuration", 0)
    runner.set_option("bits_allocated", 8)
    return image.tobytes()


def _decode_12_bit(src: bytes, runner: DecodeRunner, size: FrameSize) -> bytes:
    """Told BitsStored 10, GDCM masks what overshoots 1023 and white turns black: decode it in full, then clip."""
    raw = _gdcm(src, runner, size.precision, uid.JPEGExtended12Bit)
    samples = np.frombuffer(raw, np.int16 if runner.pixel_representation else np.uint16)
    high = 2 ** (runner.bits_stored - runner.pixel_representation) - 1
    low = -high - 1 if runner.pixel_representation else 0
    runner.set_option("bits_allocated", 16)
    return np.clip(samples, low, high).astype(samples.dtype).tobytes()


def _gdcm(src: bytes, runner: DecodeRunner, bits_stored: int, syntax: uid.UID) -> bytes:
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(src)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(str(runner.photometric_interpretation))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    if runner.samples_per_pixel > 1:
        image.SetPlanarConfiguration(runner.planar_configuration)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str.__str__(syntax))))
    image.SetPixelFormat(
        gdcm.PixelFormat(
            runner.samples_per_pixel, runner.bits_allocated, bits_stored, bits_stored - 1, runner.pixel_representation
        )
    )
    # GDCM's wrapper gives char* as str
    return cast(bytes, image.GetBuffer().encode("utf-8", "surrogateescape"))


_DECODERS: dict[str, Decoder] = {syntax: _make_decoder(syntax) for syntax in (*_NATIVE, *_CODECS)}

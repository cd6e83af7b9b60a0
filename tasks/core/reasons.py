"""Reason codes: why an instance was not released, in words that a person understands, and what to do about it.

Each instance that the source offers ends as released, or as quarantined or skipped with one of these.
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """What a reason does to the instance that has it."""

    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class Reason(StrEnum):
    """A reason code with its disposition, a sentence and a remedy: `Reason.DECODE_FAILED.sentence`."""

    disposition: Disposition
    sentence: str
    remedy: str

    def __new__(cls, code: str, disposition: Disposition, sentence: str, remedy: str) -> Reason:
        member = str.__new__(cls, code)
        member._value_ = code
        member.disposition = disposition
        member.sentence = sentence
        member.remedy = remedy
        return member

    @classmethod
    def of(cls, code: str) -> Reason:
        """The reason with this code."""
        return next(reason for reason in cls if reason.value == code)

    @property
    def code(self) -> str:
        """The code as it is stored, e.g. `decode-failed`."""
        return self.value

    # Found while reading the source
    UNREADABLE = (
        "unreadable",
        Disposition.QUARANTINED,
        "the file claims to be DICOM but cannot be parsed",
        "send it to the source again, or repair it there",
    )
    NO_IDENTITY = (
        "no-identity",
        Disposition.QUARANTINED,
        "SOPClassUID or SOPInstanceUID is missing, or for a release the UID of its study or series",
        "correct the header at the source",
    )
    UID_COLLISION = (
        "uid-collision",
        Disposition.QUARANTINED,
        "the same SOPInstanceUID comes with different bytes, and which one is right cannot be known",
        "keep one of them at the source; if it replaced another there, `sluice retry uid-collision` takes it",
    )
    PATIENT_COLLISION = (
        "patient-collision",
        Disposition.QUARANTINED,
        "one StudyInstanceUID comes under several PatientIDs, and whose study it is cannot be known",
        "correct or delete the wrong one at the source",
    )
    SHORT_OF_PACS = (
        "short-of-pacs",
        Disposition.QUARANTINED,
        "the PACS has more instances of the series than have arrived, and such series are held back",
        "`sluice pull` again; if the PACS counts wrongly, set extract.incomplete: release",
    )
    DELETED_AT_SOURCE = (
        "deleted-at-source",
        Disposition.SKIPPED,
        "the series was selected, and deleted at the source before it could be taken",
        "send it to the source again if it is wanted",
    )
    INCOMPLETE = (
        "incomplete",
        Disposition.QUARANTINED,
        "fewer instances or bytes arrived than the source says it has",
        "run again; if it stays, check the source's storage",
    )
    TRANSFER_FAILED = (
        "transfer-failed",
        Disposition.QUARANTINED,
        "the source failed on each attempt to read it",
        "check the source's log, then `sluice run` again",
    )
    OVERSIZED = (
        "oversized",
        Disposition.QUARANTINED,
        "there are more pixels, elements or bytes than the limits allow",
        "raise the limit in params.yaml if the object is genuine and that is what it exceeds; report it otherwise",
    )
    BAD_ARCHIVE = (
        "bad-archive",
        Disposition.QUARANTINED,
        "the zip or gzip wrapper is damaged, unsafe or unpacks to more than the limit",
        "unpack it by hand and offer its files",
    )
    NOT_DICOM = ("not-dicom", Disposition.SKIPPED, "the file is not DICOM", "nothing to do")
    EMPTY_FILE = ("empty-file", Disposition.SKIPPED, "the file has no bytes", "nothing to do")
    MEDIA_DIRECTORY = (
        "media-directory",
        Disposition.SKIPPED,
        "a DICOMDIR lists other files and is no instance itself",
        "nothing to do: its files are found by content",
    )
    LINK_OUTSIDE = (
        "link-outside",
        Disposition.SKIPPED,
        "a link that leads out of the source's folder, or nowhere, is not followed",
        "put the file itself into the folder",
    )
    DUPLICATE_BYTES = (
        "duplicate-bytes",
        Disposition.SKIPPED,
        "the same bytes were taken already under the same SOPInstanceUID",
        "nothing to do",
    )

    # Found while de-identifying
    BURNED_IN_RISK = (
        "burned-in-risk",
        Disposition.QUARANTINED,
        "the header says that the pixels may carry text, or there is more in them than can be looked at",
        "have pixels looked at (pixels.look); list the modality under pixels.accept only if its pixels are clean",
    )
    BURNED_IN_TEXT = (
        "burned-in-text",
        Disposition.QUARANTINED,
        "text was still found in the pixels after masking",
        "look at it at the source; list the modality under pixels.accept only if its pixels are clean",
    )
    RESIDUAL_IDENTIFIER = (
        "residual-identifier",
        Disposition.QUARANTINED,
        "an identifier of the patient was still found after de-identification",
        "the log names the attribute: add an override for it to the profile (overrides)",
    )
    DEIDENTIFY_FAILED = (
        "deidentify-failed",
        Disposition.QUARANTINED,
        "the header could not be rewritten",
        "report the object's SOP class and encoding",
    )
    UNCLEANED_TEXT = (
        "uncleaned-text",
        Disposition.QUARANTINED,
        "a report or document whose text cannot be cleaned in this profile",
        "take the report from the record system instead",
    )

    UNKNOWN_CLASS = (
        "unknown-class",
        Disposition.QUARANTINED,
        "the SOP class is private or not registered, so what the object holds is not known",
        "have the source export it as a standard object",
    )

    PATIENT_MISMATCH = (
        "patient-mismatch",
        Disposition.QUARANTINED,
        "the header names another patient than the one that the series was selected for",
        "run again, so that the series is selected anew; if it stays, correct the header at the source",
    )

    # Found while transforming
    NOT_AN_IMAGE = (
        "not-an-image",
        Disposition.SKIPPED,
        "the object has no pixels and no contours that a dataset of images could use",
        "nothing to do",
    )
    DECODE_FAILED = (
        "decode-failed",
        Disposition.QUARANTINED,
        "the pixel data cannot be decoded",
        "have the source convert it to an uncompressed encoding",
    )
    UNSUPPORTED_ENCODING = (
        "unsupported-encoding",
        Disposition.QUARANTINED,
        "no decoder is installed for this transfer syntax",
        "have the source convert it to an uncompressed encoding",
    )
    PIXELS_EXCEED = (
        "pixels-exceed",
        Disposition.QUARANTINED,
        "there are more pixel bytes than the header's frames take, and what they show is not known",
        "correct Rows, Columns or NumberOfFrames at the source",
    )
    PIXELS_TRUNCATED = (
        "pixels-truncated",
        Disposition.QUARANTINED,
        "the pixel data is shorter than Rows, Columns and frames promise",
        "send it to the source again",
    )
    BAD_PIXEL_HEADER = (
        "bad-pixel-header",
        Disposition.QUARANTINED,
        "an attribute that describes the pixels is missing or impossible",
        "correct the header at the source",
    )
    NO_VOLUME = (
        "no-volume",
        Disposition.QUARANTINED,
        "a step needs the volume, and what was found about the geometry of the series refuses it",
        "see geometry_findings of the series and docs/transform.md; allow the finding, or leave the step out",
    )
    TOO_LARGE_FOR_STEPS = (
        "too-large-for-steps",
        Disposition.QUARANTINED,
        "a step needs the volume whole in memory, and it has more voxels than the limit allows",
        "raise transform.volumes.max_voxels if there is memory (some 16 bytes a voxel), or leave the step out",
    )
    STEP_FAILED = (
        "step-failed",
        Disposition.QUARANTINED,
        "a step of the chain cannot work on these values, for instance because all of them are the same",
        "the log names the step: leave it out for this modality, or give it other parameters",
    )
    RESAMPLED_AWAY = (
        "resampled-away",
        Disposition.SKIPPED,
        "its series was resampled to fewer slices, and its voxels went into those that go by its neighbours",
        "nothing to do",
    )

    # Found while curating
    DUPLICATE_PIXELS = (
        "duplicate-pixels",
        Disposition.SKIPPED,
        "another instance of the same patient has exactly the same pixels",
        "nothing to do",
    )

    # Found by the run itself
    SET_ASIDE = (
        "set-aside",
        Disposition.QUARANTINED,
        "a stage failed on the series on each of run.max_attempts attempts, so it was set aside and the rest went on",
        "see the log for the cause, then `sluice retry set-aside` and `sluice run`",
    )

"""What can be wrong with the geometry of a series: a name, a sentence for the reader, and what may be done about it.

The first policy of each is its default; `refuse` makes no volume. params.yaml sets others under
`transform.volumes.findings`. What is found is recorded whatever the policy.
"""

from __future__ import annotations

from enum import StrEnum


class Finding(StrEnum):
    """A finding with its sentence and policies: `Finding.MISSING_SLICE.sentence`."""

    sentence: str
    policies: tuple[str, ...]

    def __new__(cls, name: str, sentence: str, *policies: str) -> Finding:
        member = str.__new__(cls, name)
        member._value_ = name
        member.sentence = sentence
        member.policies = policies
        return member

    # Of the whole series
    MIXED_ORIENTATION = "mixed-orientation", "the slices lie in more than one direction", "refuse", "split"
    MIXED_SIZE = "mixed-size", "the slices have different numbers of rows or columns", "refuse", "split"
    MIXED_SPACING = "mixed-spacing", "the slices have different pixel spacings", "refuse", "split"
    MIXED_FRAME = (
        "mixed-frame-of-reference",
        "the slices are in more than one frame of reference, so their positions cannot be compared",
        "refuse",
        "split",
    )
    MIXED_UNITS = "mixed-units", "the values of the slices are in different units", "refuse", "split"
    LOCALIZER = (
        "localizer",
        "there are localizers among the slices; they are set apart and are no volume",
        "set-apart",
        "refuse",
        "accept",
    )
    SEVERAL_VOLUMES = (
        "several-volumes",
        "the series holds several volumes, which its header tells apart (time, b-value, echo, acquisition …)",
        "split",
        "refuse",
    )
    UID_COLLISION = "uid-collision", "two different files have the same SOPInstanceUID", "refuse"
    REPEATED_INSTANCE = "repeated-instance", "the same file is there more than once; it counts once", "accept", "refuse"
    UNUSABLE_INSTANCE = (
        "unusable-instance",
        "an image of the series cannot be used, so a slice would be missing: its reason is told beside it",
        "refuse",
        "accept",
    )

    # Of one group of slices
    MISSING_GEOMETRY = (
        "missing-geometry",
        "a slice has no ImagePositionPatient, ImageOrientationPatient or PixelSpacing",
        "refuse",
    )
    BAD_ORIENTATION = (
        "bad-orientation",
        "ImageOrientationPatient is not two unit vectors at a right angle",
        "refuse",
        "normalise",
    )
    COLOUR = "colour", "the pixels are colours, which are no quantity", "refuse"
    SINGLE_SLICE = (
        "single-slice",
        "there is one slice, so its distance to the next is not known; accept takes SliceThickness",
        "refuse",
        "accept",
    )
    TWO_PHASES = (
        "two-phases",
        "there are several slices at each position, and nothing in the header tells them apart; "
        "split goes by InstanceNumber",
        "refuse",
        "split",
    )
    DUPLICATE_POSITION = (
        "duplicate-position",
        "there are several slices at some positions; keep-first takes the lowest InstanceNumber",
        "refuse",
        "keep-first",
    )
    MISSING_SLICE = (
        "missing-slice",
        "there is a gap of a whole number of slices; fill interpolates between its neighbours",
        "refuse",
        "fill",
    )
    INCOMPLETE_PHASE = (
        "incomplete-phase",
        "other volumes of the series have slices at positions where this one has none",
        "refuse",
        "accept",
    )
    IRREGULAR_SPACING = (
        "irregular-spacing",
        "the slices are not equally far apart; resample interpolates to the median distance",
        "refuse",
        "resample",
    )
    GANTRY_TILT = (
        "gantry-tilt",
        "each slice is shifted in its plane against the one before, as with a tilted gantry; resample shifts it back",
        "refuse",
        "resample",
    )
    WANDERING_ORIGIN = (
        "wandering-origin",
        "the slices are shifted in their planes by different amounts; resample shifts them back",
        "refuse",
        "resample",
    )
    NO_SUV = (
        "no-suv",
        "SUV was asked for, and weight, dose, half-life, times, units or corrections in the header do not give it; "
        "accept leaves the values in their unit",
        "refuse",
        "accept",
    )
    PROJECTION = (
        "projection",
        "the frames are projections or planar images of nuclear medicine, which are no slices of a volume",
        "refuse",
    )
    MOSAIC = "mosaic", "an image is a mosaic of slices whose layout or geometry cannot be read", "refuse"

    # Told, and right as it is unless params.yaml says otherwise
    REVERSED_ORDER = (
        "reversed-order",
        "InstanceNumber runs against the direction of the normal; slices are sorted by position",
        "accept",
        "refuse",
    )
    SHUFFLED_ORDER = (
        "shuffled-order",
        "InstanceNumber does not follow the positions; slices are sorted by position",
        "accept",
        "refuse",
    )
    HEADER_SPACING = (
        "header-spacing",
        "SpacingBetweenSlices is not the distance of the positions; the positions are believed",
        "accept",
        "refuse",
    )
    HEADER_TILT = (
        "header-tilt",
        "GantryDetectorTilt is not 0, yet the positions show no tilt; the positions are believed",
        "accept",
        "refuse",
    )
    RESCALE_DIFFERS = (
        "rescale-differs",
        "RescaleSlope or RescaleIntercept differ between slices; each slice is rescaled by its own",
        "accept",
        "refuse",
    )

    @property
    def default(self) -> str:
        """What is done where params.yaml says nothing."""
        return self.policies[0]


def check_policies(chosen: dict[str, str]) -> dict[str, str]:
    """`chosen` (name → policy) if each is known and allowed; raises ValueError that names what is."""
    known = {finding.value: finding for finding in Finding}
    for name, policy in chosen.items():
        if name not in known:
            raise ValueError(f"no finding is named {name}; known: {', '.join(sorted(known))}")
        if policy not in known[name].policies:
            raise ValueError(f"{name} can be: {', '.join(known[name].policies)}")
    return chosen

"""This engine as the bench runs it: the basic profile, with and without the residual check and text detection."""

from __future__ import annotations

from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.settings import DeidentifySettings, PixelSettings
from tasks.deidentify.file import Deidentifier


def deidentifier(pseudonymiser: Pseudonymiser, *, check: bool, detect: bool) -> Deidentifier:
    """A de-identifier of the basic profile; `detect` looks for text in every image instead of in none of the sample."""
    settings = DeidentifySettings(profile="basic", pixels=PixelSettings(sample=1.0 if detect else 0.0))
    return Deidentifier(settings, pseudonymiser, residual=check)

"""Credentials of a real Orthanc from a Prefect Secret block, where the environment doesn't hold them."""

from __future__ import annotations

import os

from prefect.blocks.system import Secret
from prefect.exceptions import PrefectException

BLOCK = "sluice-orthanc-password"
VARIABLE = "SLUICE_ORTHANC_PASSWORD"


def orthanc_from_secret() -> None:
    """Put the block's password into this process's environment, unless one is set there; no block is no error."""
    if os.environ.get(VARIABLE):
        return
    try:
        block = Secret.load(BLOCK)
    except (ValueError, PrefectException):
        return
    if isinstance(block, Secret):
        os.environ[VARIABLE] = str(block.get())

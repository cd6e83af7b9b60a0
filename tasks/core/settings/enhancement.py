"""The settings of enhancement: how the network is trained, and from when on a loss of contrast is a flag.

Only what is set. What each method does, and how it is judged, is in tasks/transform/enhance.
"""

from __future__ import annotations

from pydantic import Field

from tasks.core.models import Frozen, Modality


class EnhancementSettings(Frozen):
    """`sluice enhance train` and `report`. The flow that makes releases reads none of this."""

    modalities: tuple[Modality, ...] = Field(("CT", "MR"), description="modalities whose grey images are learned from")
    scale: int = Field(2, ge=2, le=4, description="how many times finer the network makes an image, a side")
    epochs: int = Field(12, ge=1, le=1000, description="passes over the patches; the best by validation patients stays")
    slices: int = Field(6, ge=1, description="images of a series that are used at most, evenly over the series")
    patches: int = Field(32, ge=1, le=1024, description="patches taken from each training image")
    batch: int = Field(64, ge=1, le=4096, description="patches between two steps of the optimiser")
    learning_rate: float = Field(
        5e-4, gt=0, le=0.1, description="of Adam, for the first two layers; a tenth for the last"
    )
    seed: int = Field(0, ge=0, description="of the first weights, the patches and their order")
    max_contrast_loss: float = Field(
        0.1, gt=0, lt=1, description="share of a region's contrast, or of its contrast to noise, whose loss is flagged"
    )
    ring_mm: float = Field(8.0, gt=0, description="width of the ring around a region that it is compared with")
    model_name: str = Field(
        "sluice-srcnn", pattern=r"^[A-Za-z0-9_.-]+$", description="the network's name in MLflow's registry"
    )

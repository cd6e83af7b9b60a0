"""The steps of `transform.steps`, a module each, and the chain that runs them (chain.py).

For a step of your own, take `Step`, `Parameters`, `Block` and `CannotStep` from here (docs/transform.md, Steps).
"""

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep

__all__ = ["Block", "CannotStep", "Parameters", "Step"]

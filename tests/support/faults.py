"""Faults for a command that a test starts: Python runs `sitecustomize` of PYTHONPATH before anything else."""

from __future__ import annotations

from pathlib import Path

_QUOTING = '''
"""Once in each process that imports it, a library's function raises, with an identifier in its text."""
import importlib.abc, importlib.util, sys
from pathlib import Path

NAME = Path(__file__).with_name("name").read_text(encoding="utf-8")
PLACES = {"tasks.extract.fetch": "_copy", "tasks.deidentify.unit": "one_of_each"}


class Spoiled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name not in PLACES:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        sys.meta_path.insert(0, self)
        inner = spec.loader.exec_module

        def load(module):
            inner(module)
            work, left = getattr(module, PLACES[name]), [1]

            def failing(*args, **kwargs):
                if left:
                    left.pop()
                    raise ValueError(f"could not convert {NAME!r}", {"PatientName": NAME})
                return work(*args, **kwargs)

            setattr(module, PLACES[name], failing)

        spec.loader.exec_module = load
        return spec


sys.meta_path.insert(0, Spoiled())
'''


def quoting_library(folder: Path, name: str) -> dict[str, str]:
    """The environment in which one function that fetches and one that de-identifies fail once, and quote `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_QUOTING, encoding="utf-8")
    (folder / "name").write_text(name, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}

"""Which model somebody means: by name, version, alias or MLflow run, as the register knows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from tasks.core.errors import ConfigurationError
from tasks.record.ledger import Ledger
from tasks.record.register import Model, find_model
from tasks.record.schema import ModelRow


def find_model_asked(ledger: Ledger, asked: str, version_of: Mapping[str, str] | None = None) -> Model:
    """The model asked for as name, name/version, name/vN or by its MLflow run; a name alone is its newest version.

    `version_of` maps name@alias to a version. Raises `ConfigurationError` that names the models there are.
    """
    name, _, version = asked.partition("/")
    if "@" in asked:
        name, version = asked.partition("@")[0], (version_of or {}).get(asked, "")
    if version and (model := find_model(ledger, name, version.removeprefix("v") if version[1:].isdigit() else version)):
        return model
    with ledger.database.read() as connection:
        by_run = connection.execute(select(ModelRow.name, ModelRow.version).where(ModelRow.run_id == asked)).first()
        versions = connection.execute(select(ModelRow.version).where(ModelRow.name == name)).scalars().all()
        known = connection.execute(select(ModelRow.name).distinct().order_by(ModelRow.name)).scalars().all()
    found = None
    if by_run:
        found = find_model(ledger, *by_run)
    elif versions and asked == name:
        found = find_model(ledger, name, max(versions, key=_number))
    if found is None:
        hint = f"{name} has the versions {', '.join(sorted(versions, key=_number))}" if versions else _known(known)
        raise ConfigurationError(f"no model {asked} in the register; {hint}")
    return found


def known_models(ledger: Ledger) -> tuple[Model, ...]:
    """All models of the register, by name and then by version as a number."""
    with ledger.database.read() as connection:
        rows = connection.execute(select(ModelRow.__table__)).mappings()
        found = [Model.model_validate(dict(row)) for row in rows]
    return tuple(sorted(found, key=lambda model: (model.name, _number(model.version))))


def _number(version: str) -> tuple[int, str]:
    return (int(version), "") if version.isdigit() else (-1, version)


def _known(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"there are {listed}" if listed else "there is none yet: `sluice train`"

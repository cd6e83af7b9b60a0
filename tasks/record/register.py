"""The register of releases and models: which release holds whose instances, which model learned from whom.

Plain functions over an open `Ledger`; what a release is made of is in `release`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import delete, insert, select

from tasks.core.errors import ContractViolation
from tasks.core.models import Frozen
from tasks.record.items import put_rows
from tasks.record.ledger import Ledger
from tasks.record.outbox import enter
from tasks.record.schema import ModelPatientRow, ModelRow, ReleaseItemRow, ReleaseRow


class Release(Frozen):
    """One published release. `content` is the digest of what it holds, `dvc` DVC's directory hash, `commit` git's."""

    tag: str
    name: str
    number: int
    content: str
    dvc: str | None
    commit: str
    flow_run: str | None
    key_id: str
    created: str


class ReleaseItem(Frozen):
    """One instance of a release. All are pseudonyms or new UIDs."""

    instance: str
    series: str
    study: str
    patient: str


class Model(Frozen):
    """A registered model, the MLflow run that made it, and the tag of the release it was trained on."""

    name: str
    version: str
    run_id: str
    release: str


def record_release(ledger: Ledger, release: Release, items: Iterable[ReleaseItem]) -> bool:
    """Enter a release with all its instances; returns whether it was new. The same again changes nothing."""
    with ledger.database.write() as connection:
        former = connection.execute(select(ReleaseRow.content).where(ReleaseRow.tag == release.tag)).scalar()
        if former is not None and former != release.content:
            raise ContractViolation(f"{release.tag} is in the register with other content: a release never changes")
        if former is not None:
            return False
        connection.execute(insert(ReleaseRow).values(release.model_dump()))
        rows = [{"release": release.tag, **item.model_dump()} for item in set(items)]
        put_rows(connection, ReleaseItemRow, rows)
        enter(connection, [("release.published", {**release.model_dump(), "instances": len(rows)})])
        return True


def releases(ledger: Ledger, name: str | None = None) -> tuple[Release, ...]:
    """All releases, or those of one dataset, oldest first."""
    query = select(ReleaseRow.__table__).order_by(ReleaseRow.name, ReleaseRow.number)
    with ledger.database.read() as connection:
        rows = connection.execute(query if name is None else query.where(ReleaseRow.name == name)).mappings()
        return tuple(Release.model_validate(dict(row)) for row in rows)


def latest_release(ledger: Ledger, name: str) -> Release | None:
    """The newest release of the dataset `name`."""
    found = releases(ledger, name)
    return found[-1] if found else None


def record_model(ledger: Ledger, model: Model, patients: Mapping[str, str]) -> None:
    """Enter a model; `patients` maps each pseudonym it saw to the split it was in ("train": learned from)."""
    with ledger.database.write() as connection:
        if not connection.execute(select(ReleaseRow.tag).where(ReleaseRow.tag == model.release)).scalar():
            raise ContractViolation(
                f"{model.release} is not in the register: publish it before a model is trained on it"
            )
        same = (ModelRow.name == model.name) & (ModelRow.version == model.version)
        connection.execute(delete(ModelRow).where(same))
        connection.execute(insert(ModelRow).values(model.model_dump()))
        rows = [
            {"name": model.name, "version": model.version, "patient": patient, "split": split}
            for patient, split in sorted(patients.items())
        ]
        put_rows(connection, ModelPatientRow, rows)


def models_of(ledger: Ledger, release: str) -> tuple[Model, ...]:
    """The models that were trained on the release with this tag."""
    return _models(ledger, ModelRow.release == release)


def find_model(ledger: Ledger, name: str, version: str) -> Model | None:
    """The model `name` in `version`, or None."""
    found = _models(ledger, (ModelRow.name == name) & (ModelRow.version == version))
    return found[0] if found else None


def releases_of(ledger: Ledger, patient: str) -> tuple[str, ...]:
    """The tags of the releases that hold an instance of `patient` (a pseudonym)."""
    query = select(ReleaseItemRow.release).where(ReleaseItemRow.patient == patient).distinct()
    with ledger.database.read() as connection:
        held = set(connection.execute(query).scalars())
    return tuple(release.tag for release in releases(ledger) if release.tag in held)


def patients_of_release(ledger: Ledger, release: str) -> tuple[str, ...]:
    """Whose instances the release with this tag holds, sorted."""
    query = select(ReleaseItemRow.patient).where(ReleaseItemRow.release == release).distinct()
    with ledger.database.read() as connection:
        return tuple(sorted(connection.execute(query).scalars()))


def patients_of_model(ledger: Ledger, name: str, version: str, split: str | None = "train") -> tuple[str, ...]:
    """Whose scans the model learned from, sorted; with `split` None everyone it saw, in evaluation too."""
    row = ModelPatientRow
    query = select(row.patient).where(row.name == name, row.version == version)
    with ledger.database.read() as connection:
        return tuple(sorted(connection.execute(query if split is None else query.where(row.split == split)).scalars()))


def models_of_patient(ledger: Ledger, patient: str) -> tuple[tuple[Model, str], ...]:
    """The models that saw `patient` (a pseudonym), each with the split the patient was in."""
    row = ModelPatientRow
    query = select(row.name, row.version, row.split).where(row.patient == patient)
    with ledger.database.read() as connection:
        splits = {(name, version): split for name, version, split in connection.execute(query)}
    return tuple(
        (model, splits[model.name, model.version]) for model in _models(ledger) if (model.name, model.version) in splits
    )


def _models(ledger: Ledger, *where: object) -> tuple[Model, ...]:
    query = select(ModelRow.__table__).order_by(ModelRow.name, ModelRow.version)
    for condition in where:
        query = query.where(condition)  # type: ignore[arg-type]
    with ledger.database.read() as connection:
        return tuple(Model.model_validate(dict(row)) for row in connection.execute(query).mappings())

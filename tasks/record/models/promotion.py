"""Candidate, champion, retired: which version of a model is used, and the gate between.

An alias of MLflow's registry stands for one version: `candidate` for the newest without a leak, `champion` for the one
in use, `retired` for the last that was. The tag `state` tells it of every version, with reason, person and waivers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.core.errors import ConfigurationError, ContractViolation
from tasks.core.models import Frozen
from tasks.record.ledger import Ledger
from tasks.record.models.server import open_client, plain_mlflow
from tasks.record.outbox import enter
from tasks.record.register import Model
from tasks.record.withdrawals import Held

if TYPE_CHECKING:
    from mlflow import MlflowClient

CANDIDATE, CHAMPION, RETIRED = "candidate", "champion", "retired"
CHECKS = ("auc", "leaks", "shortcuts", "release")
CHANCE = 0.5


class Standing(Frozen):
    """A version of the registry, and what its training said. `low` is the lower end of the test AUC's interval."""

    name: str
    version: str
    run_id: str
    release: str
    state: str
    auc: float | None = None
    low: float | None = None
    leaks: str | None = None
    shortcuts: str | None = None
    why: str = ""


class ModelWaiver(Frozen):
    """A check that may fail for one promotion: why, and who answers for it."""

    check: str
    reason: str
    by: str


class Check(Frozen):
    """One question of the gate: its answer in a sentence, and what waives it."""

    name: str
    passed: bool
    sentence: str
    waiver: ModelWaiver | None = None

    @property
    def lets_pass(self) -> bool:
        """Whether this check stands in nobody's way."""
        return self.passed or self.waiver is not None


def judge(
    version: Standing, champion: Standing | None, gone: Mapping[str, Held], waivers: Sequence[ModelWaiver] = ()
) -> tuple[Check, ...]:
    """The gate: all of `CHECKS`. `gone` is what was withdrawn, by release. What was not measured does not pass."""
    given = {waiver.check: waiver for waiver in waivers}
    least, of = CHANCE, "chance"
    if champion and champion.low is not None:
        least, of = champion.low, f"that of the champion v{champion.version}"
    if version.low is None:
        auc = False, "the AUC of the test split has no interval: train again"
    elif version.low < least or (of == "chance" and version.low == least):
        auc = False, f"the lower end of the AUC's interval, {version.low:.3f}, is under {of}, {least:.3f}"
    else:
        auc = True, f"the lower end of the AUC's interval, {version.low:.3f}, is not under {of}, {least:.3f}"
    held = gone.get(version.release)
    answers = {
        "auc": auc,
        "leaks": (version.leaks == "none", _told("leaks", version.leaks)),
        "shortcuts": (version.shortcuts == "none", _told("shortcuts", version.shortcuts)),
        "release": (
            held is None,
            f"{held.instances} instances of {version.release} were withdrawn: train on a later release"
            if held
            else f"nothing of {version.release} was withdrawn",
        ),
    }
    return tuple(
        Check(name=name, passed=passed, sentence=sentence, waiver=None if passed else given.get(name))
        for name, (passed, sentence) in answers.items()
    )


def standings(tracking_uri: str, models: Sequence[Model]) -> tuple[Standing, ...]:
    """What MLflow says of these models of the register, in their order; `state` is "unknown" where it has none."""
    with plain_mlflow(tracking_uri):
        client = open_client(tracking_uri)
        aliases = {name: _aliases(client, name) for name in {model.name for model in models}}
        return tuple(_standing(client, model, aliases[model.name]) for model in models)


def promote(
    tracking_uri: str, ledger: Ledger, version: Standing, champion: Standing | None, checks: Sequence[Check]
) -> None:
    """Make `version` the champion; the former one retires. Raises `ContractViolation` that names the failed checks."""
    failed = [check for check in checks if not check.lets_pass]
    if failed:
        told = "; ".join(f"{check.name}: {check.sentence}" for check in failed)
        raise ContractViolation(f"{version.name}/{version.version} is not promoted: {told}")
    if champion and champion.version == version.version:
        raise ConfigurationError(f"{version.name}/{version.version} is the champion already")
    waivers = [check.waiver for check in checks if check.waiver]
    why = "; ".join(f"{one.check} waived by {one.by}: {one.reason}" for one in waivers) or "passed the gate"
    with plain_mlflow(tracking_uri):
        client = open_client(tracking_uri)
        if champion:
            _retire(client, champion, f"v{version.version} took its place")
        client.set_registered_model_alias(version.name, CHAMPION, version.version)
        if _aliases(client, version.name).get(CANDIDATE) == version.version:
            client.delete_registered_model_alias(version.name, CANDIDATE)
        _mark(client, version, CHAMPION, why)
    body: dict[str, Any] = {
        "name": version.name,
        "version": version.version,
        "release": version.release,
        "former": champion.version if champion else None,
        "checks": [check.model_dump(mode="json") for check in checks],
    }
    with ledger.database.write() as connection:
        enter(connection, [("model.promoted", body)])


def retire(tracking_uri: str, ledger: Ledger, version: Standing, reason: str, by: str) -> None:
    """Take a version out of use; it stays in the registry, so that its lineage does."""
    with plain_mlflow(tracking_uri):
        client = open_client(tracking_uri)
        _retire(client, version, f"{by}: {reason}")
    with ledger.database.write() as connection:
        body = {"name": version.name, "version": version.version, "reason": reason, "by": by}
        enter(connection, [("model.retired", body)])


def _retire(client: MlflowClient, version: Standing, why: str) -> None:
    for alias, held in _aliases(client, version.name).items():
        if held == version.version and alias in (CANDIDATE, CHAMPION):
            client.delete_registered_model_alias(version.name, alias)
    client.set_registered_model_alias(version.name, RETIRED, version.version)
    _mark(client, version, RETIRED, why)


def _mark(client: MlflowClient, version: Standing, state: str, why: str) -> None:
    client.set_model_version_tag(version.name, version.version, "state", state)
    client.set_model_version_tag(version.name, version.version, "state.why", why)


def _standing(client: MlflowClient, model: Model, aliases: Mapping[str, str]) -> Standing:
    from mlflow.exceptions import MlflowException

    known = {"name": model.name, "version": model.version, "run_id": model.run_id, "release": model.release}
    try:
        tags = client.get_model_version(model.name, model.version).tags
        metrics = client.get_run(model.run_id).data.metrics
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return Standing(**known, state="unknown", why="MLflow does not have it")
    own = [alias for alias in (CHAMPION, CANDIDATE, RETIRED) if aliases.get(alias) == model.version]
    return Standing(
        **known,
        state=own[0] if own else RETIRED if tags.get("state") == RETIRED else "",
        auc=metrics.get("test_roc_auc"),
        low=metrics.get("test_roc_auc_low"),
        leaks=tags.get("leaks"),
        shortcuts=tags.get("shortcuts"),
        why=tags.get("state.why", ""),
    )


def _aliases(client: MlflowClient, name: str) -> dict[str, str]:
    from mlflow.exceptions import MlflowException

    try:
        return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def _told(what: str, found: str | None) -> str:
    if found is None or found == "not looked for":
        return f"{what} were not looked for: train again on more patients, and with train.permutations above 0"
    return f"no {what} were found" if found == "none" else f"{what} were found: {found}"

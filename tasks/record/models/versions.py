"""What a run and a model version say of the release that they are from: tags, dataset inputs, a description.

Pseudonyms stay in the register; nothing here names a patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.record.releases.records import Record

if TYPE_CHECKING:
    from mlflow import MlflowClient


def describe(release: Record, commit: str, flow_run: str | None, flow_run_page: str | None) -> dict[str, str]:
    """The tags that lead from a run or a model version to its release; pseudonymous."""
    gates = release.manifest["gates"]
    passed = sum(bool(rule["passed"]) for rule in gates)
    tags = {
        "release": release.tag,
        "release.content": release.content,
        "dvc.md5": release.dvc,
        "dvc.rev": release.tag,
        "git.commit": commit,
        "gates": f"{passed} of {len(gates)} rules pass",
        "gates.failed": ", ".join(f"{rule['suite']}/{rule['rule']}" for rule in gates if not rule["passed"]) or "none",
        "gates.waived": ", ".join(str(waiver["rule"]) for waiver in release.waivers),
        "profile": release.manifest["profile"]["name"],
        "profile.digest": release.manifest["profile"]["settings"],
        "key_id": release.key_id,
        "code": release.code,
        "flow_run": flow_run or "",
        "flow_run.page": flow_run_page or "",
        "release.flow_run": release.flow_run or "",
    }
    return {name: value for name, value in tags.items() if value}


def log_inputs(release: Record, commit: str, splits: Sequence[str]) -> None:
    """Enter the release as the run's dataset input, once for each split, by DVC's digest."""
    import mlflow
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    place = f"data/dataset/{release.name}"
    source = CodeDatasetSource(
        {"dvc.path": place, "dvc.rev": release.tag, "git.commit": commit, "release": release.tag}
    )
    name = f"{release.name} v{release.number}"  # a name may come once in a run, so each split has its own
    mlflow.log_input(MetaDataset(source, name=name, digest=release.dvc), context="training")
    for split in sorted(set(splits) - {"train"}):
        mlflow.log_input(MetaDataset(source, name=f"{name} ({split})", digest=release.dvc), context="evaluation")


def register_version(
    client: MlflowClient,
    name: str,
    source: str,
    model_id: str | None,
    run_id: str,
    tags: Mapping[str, str],
    release: Record,
    description: str = "Baseline of Sluice. Each version names the release it is from.",
) -> str:
    """Make a version of the model `name`, the model itself where it is new; returns the version."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(name, description=description)
    told = (
        f"Trained on `{release.tag}`: DVC `{release.dvc}`, git `{tags['git.commit']}`, content `{release.content}`. "
        f"`git checkout {release.tag} && dvc checkout` brings the data back; the register knows whose scans they are."
    )
    made = client.create_model_version(name, source, run_id, tags=dict(tags), description=told, model_id=model_id)
    return str(made.version)

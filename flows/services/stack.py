"""The services of one workspace, together: Orthanc where wanted, Prefect, MLflow, the pages and a worker."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from flows.services import state
from flows.services.mlflow_server import MlflowServer
from flows.services.orthanc import OrthancService, start_orthanc
from flows.services.pages import USER, PagesServer
from flows.services.prefect_server import PrefectServer, start_worker
from flows.services.process import Process
from tasks.core.errors import ConfigurationError
from tasks.core.workspace import VARIABLE, Workspace

Say = Callable[[str], None]


@dataclass
class Stack:
    """Running services; a context manager that stops what it started."""

    workspace: Workspace
    with_orthanc: bool = False
    say: Say = print
    orthanc: OrthancService | None = None
    prefect: PrefectServer | None = None
    mlflow: MlflowServer | None = None
    pages: PagesServer | None = None
    worker: Process | None = None
    _stops: list[Callable[[], None]] = field(default_factory=list)

    def __enter__(self) -> Stack:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a flow needs in order to use these services."""
        values = {VARIABLE: str(self.workspace.root)}
        if self.prefect:
            values |= self.prefect.client_environment
        if self.mlflow:
            values |= self.mlflow.client_environment
        if self.pages:
            values |= self.pages.client_environment
        if self.orthanc:
            values |= {
                "SLUICE_ORTHANC_URL": self.orthanc.url,
                "SLUICE_ORTHANC_USER": self.orthanc.user,
                "SLUICE_ORTHANC_PASSWORD": self.orthanc.password,
            }
        return values

    def addresses(self) -> dict[str, str]:
        """What to open: name of the service to its address and how to sign in."""
        found = {}
        if self.prefect:
            found["Prefect"] = f"{self.prefect.address}  (password: {self.prefect.credentials})"
        if self.mlflow:
            found["MLflow"] = f"{self.mlflow.address}  (user admin, password {self.mlflow.password})"
        if self.pages:
            found["Pages"] = f"{self.pages.address}  (user {USER}, password {self.pages.password})"
        if self.orthanc:
            found["Orthanc"] = f"{self.orthanc.url}  (user {self.orthanc.user}, password {self.orthanc.password})"
        return found

    def stop(self) -> None:
        """Stop the services, last started first, and forget their addresses."""
        while self._stops:
            self._stops.pop()()
        state.forget(self.workspace)

    def _start(self) -> None:
        self.workspace.prepare()
        folder = self.workspace.services
        passwords, ports = state.passwords(self.workspace), state.ports(self.workspace)
        # Both start at once: each takes seconds to import and to migrate its database.
        self.prefect = PrefectServer(folder / "prefect", passwords["prefect"], ports["prefect"])
        self._stops.append(self.prefect.stop)
        self.mlflow = MlflowServer(folder / "mlflow", passwords["mlflow"], ports["mlflow"])
        self._stops.append(self.mlflow.stop)
        self.pages = PagesServer(folder / "pages", self.workspace.data, passwords["pages"], ports["pages"])
        self._stops.append(self.pages.stop)
        if self.with_orthanc:
            self.orthanc = start_orthanc(folder / "orthanc", port=ports["orthanc"], password=passwords["orthanc"])
            self._stops.append(self.orthanc.stop)

    def wait(self) -> None:
        """Return when all answer, and publish the addresses to other shells of this user."""
        assert self.prefect is not None
        assert self.mlflow is not None
        assert self.pages is not None
        self.prefect.wait()
        self.mlflow.wait()
        self.pages.wait()
        state.publish(self.workspace, self.environment)

    def check(self) -> None:
        """Raise if a service ended by itself."""
        processes = [service.process for service in (self.prefect, self.mlflow, self.pages, self.orthanc) if service]
        for process in (*processes, *([self.worker] if self.worker else [])):
            if not process.alive:
                raise ConfigurationError(f"{process.name} ended by itself: read {process.log}, then start again")

    def start_worker(self) -> None:
        """Register the deployments and start the worker that runs them."""
        assert self.prefect is not None
        folder = self.workspace.services / "prefect"
        self.worker = start_worker(folder, self.workspace.root, self.prefect, {**os.environ, **self.environment})
        self._stops.append(self.worker.stop)

"""The Prefect server and the worker that runs deployments, on loopback with a password of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from flows.services.process import Process
from flows.services.server import Server
from tasks.core.errors import ConfigurationError

POOL = "sluice"
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}


class PrefectServer(Server):
    """`prefect server start` with its SQLite database in `folder`."""

    HEALTH, PATIENCE = "api/health", 90.0

    def __init__(self, folder: Path, password: str, port: int) -> None:
        self.folder = folder
        self.port = port
        self.address = f"http://127.0.0.1:{self.port}"
        self.login = ("admin", password)
        self.credentials = ":".join(self.login)
        environment = {
            **_QUIET,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_SERVER_API_AUTH_STRING": self.credentials,
            "PREFECT_API_AUTH_STRING": self.credentials,
            "PREFECT_API_URL": f"{self.address}/api",
            "PREFECT_SERVER_UI_API_URL": os.environ.get("PREFECT_UI_API_URL", f"{self.address}/api"),  # behind a proxy
            "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = Process.start("prefect-server", command, folder, environment)

    @property
    def client_environment(self) -> dict[str, str]:
        """What a flow, a worker or the shell needs in order to talk to this server."""
        return {
            **_QUIET,
            "PREFECT_API_URL": f"{self.address}/api",
            "PREFECT_API_AUTH_STRING": self.credentials,
            "PREFECT_HOME": str(self.folder / "home"),
            "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        }


def start_worker(folder: Path, workspace: Path, server: PrefectServer, environment: dict[str, str]) -> Process:
    """Start a process worker, which makes its pool, then register the deployments of the workspace's prefect.yaml."""
    prefect = [sys.executable, "-m", "prefect"]
    # Ten by default, a long wait before each run; at two, asking was a third of what the server does in a backfill.
    environment = {**environment, "PREFECT_WORKER_QUERY_SECONDS": "5"}
    command = [*prefect, "worker", "start", "--pool", POOL, "--type", "process"]
    # Its runs write releases, which others may read: they keep the user's umask, and close quarantine themselves.
    worker = Process.start("prefect-worker", command, folder, environment, umask=-1)
    try:
        worker.wait_until(lambda: server.answers(f"api/work_pools/{POOL}"), 60)
        deploy = Process.start(
            "prefect-deploy",
            [*prefect, "--no-prompt", "deploy", "--all", "--prefect-file", str(workspace / "prefect.yaml")],
            folder,
            environment,
        )
        if deploy.child.wait(120) != 0:
            raise ConfigurationError(f"the deployments of prefect.yaml were not registered: read {deploy.log}")
    except BaseException:
        worker.stop()
        raise
    return worker

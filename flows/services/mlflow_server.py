"""The MLflow tracking server, on loopback with a password of its own."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from flows.services.process import Process
from flows.services.server import Server

_AUTH = """[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


class MlflowServer(Server):
    """`mlflow server` with its SQLite database and artifacts in `folder`."""

    HEALTH, PATIENCE = "health", 120.0

    def __init__(self, folder: Path, password: str, port: int) -> None:
        self.folder = folder
        self.password = password
        self.login = ("admin", password)
        self.port = port
        self.address = f"http://127.0.0.1:{self.port}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        auth = folder / "auth.ini"
        with os.fdopen(os.open(auth, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(_AUTH.format(folder=folder, password=password))
        environment = {
            "MLFLOW_AUTH_CONFIG_PATH": str(auth),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # six processes more, for language models
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        }
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--app-name", "basic-auth", "--workers", "1"),
            *(
                "--backend-store-uri",
                f"sqlite:///{folder}/mlflow.db",
                "--artifacts-destination",
                str(folder / "artifacts"),
            ),
        ]
        self.process = Process.start("mlflow", command, folder, environment)

    @property
    def client_environment(self) -> dict[str, str]:
        """What a flow or the shell needs in order to log to this server."""
        return {
            "MLFLOW_TRACKING_URI": self.address,
            "MLFLOW_TRACKING_USERNAME": "admin",
            "MLFLOW_TRACKING_PASSWORD": self.password,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }

"""Places that DVC copies to, started for a test: Debian's sshd for one account, and an S3 server (moto) over HTTP.

Both listen on loopback at a port of their own. The sshd has a host key of its own and lets one key in.
"""

from __future__ import annotations

import getpass
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.services.ports import free_port
from flows.services.process import Process

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowAgentForwarding no
AllowTcpForwarding no
AllowUsers {user}
PidFile none
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""


@dataclass(frozen=True)
class Sshd:
    """A running sshd. `home` is that of a user who may sign in and knows its host key."""

    port: int
    home: Path
    user: str

    def url(self, folder: Path) -> str:
        """`folder` as record.remote names it."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{folder}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs."""
        return {"HOME": str(self.home)}


@contextmanager
def running_sshd(folder: Path) -> Iterator[Sshd]:
    """An sshd with all that it needs in `folder`; skips where none is installed."""
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(program).is_file():
        pytest.skip("sshd is not installed (apt-get install openssh-server)")
    port, user, home = free_port(), getpass.getuser(), folder / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    for key in (folder / "host", home / ".ssh" / "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    shutil.copyfile(home / ".ssh" / "id_ed25519.pub", folder / "authorized")
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    (home / ".gitconfig").write_text("[user]\n\tname = Test\n\temail = test@example.org\n")
    (folder / "config").write_text(_CONFIG.format(port=port, folder=folder, user=user))
    if os.geteuid() == 0:  # where it locks up those who have not signed in yet; its own service makes it too
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = Process.start("sshd", [program, "-D", "-e", "-f", str(folder / "config")], folder)
    try:
        process.wait_until(lambda: "listening" in process.log.read_text(), 20)
        yield Sshd(port, home, user)
    finally:
        process.stop()


@dataclass(frozen=True)
class S3:
    """A running S3 server with one bucket, which keeps every version of an object."""

    client: Any
    environment: dict[str, str]
    bucket: str = "hospital"

    def versions(self) -> list[dict[str, Any]]:
        """Every version of every object in the bucket, and every mark of a deletion."""
        found: list[dict[str, Any]] = []
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            found += [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return found

    def contents(self) -> list[bytes]:
        """The bytes of every version of every object."""
        return [
            self.client.get_object(Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            for one in self.versions()
            if "Size" in one
        ]


@contextmanager
def running_s3() -> Iterator[S3]:
    """An S3 server in this process, reached by HTTP."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        given = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        client = boto3.client(
            "s3",
            endpoint_url=given["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        found = S3(client, given)
        client.create_bucket(Bucket=found.bucket)
        client.put_bucket_versioning(Bucket=found.bucket, VersioningConfiguration={"Status": "Enabled"})
        yield found
    finally:
        server.stop()

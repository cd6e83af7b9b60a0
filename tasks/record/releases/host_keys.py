"""DVC as a program that checks the key of an SSH host, as `ssh` does: by itself DVC takes any.

sshfs, by which DVC reaches a remote over SSH, switches asyncssh's check off unless told otherwise, and DVC has no
setting for it. So these lines run before DVC does; nothing of DVC is changed on disk, and none is imported here.
"""

from __future__ import annotations

CHECKED = """
try:
    from dvc_ssh import SSHFileSystem as _Ssh
except ImportError:
    pass  # the extra `ssh` is not installed, so DVC reaches no such remote
else:
    _prepare = _Ssh._prepare_credentials
    def _checked(self, **config):
        # An empty tuple stands for ~/.ssh/known_hosts, or what ~/.ssh/config names. Nor is the agent lent to the host.
        return {**_prepare(self, **config), "known_hosts": (), "agent_forwarding": False}
    _Ssh._prepare_credentials = _checked
"""
"""Run first by every program of ours that uses DVC."""

DVC = f"""{CHECKED}
import sys
from dvc.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command `dvc`, for `python -c`."""

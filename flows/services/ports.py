"""Free ports on loopback, for servers that we start ourselves."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on right now; take it soon, for nothing reserves it.

    It is free on every interface, since some servers (Orthanc 1.10) bind all of them whatever they are told.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port

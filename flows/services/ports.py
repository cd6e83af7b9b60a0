"""Free ports on loopback, for servers that we start ourselves."""

from __future__ import annotations

import socket


def free_port(wanted: int = 0) -> int:
    """`wanted`, if it is free; else a TCP port that nobody listens on right now. Take it soon: nothing reserves it.

    It is free on every interface, since some servers (Orthanc 1.10) bind all of them whatever they are told.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a server that has just ended left its port waiting
        try:
            probe.bind(("", wanted))
        except OSError:
            probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port

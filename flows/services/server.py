"""What the HTTP servers of a workspace have in common: a child on loopback that is waited for and stopped."""

from __future__ import annotations

from typing import ClassVar

import httpx

from flows.services.process import Process


class Server:
    """A running server; whoever starts one sets `address`, `login` (user and password) and `process`."""

    HEALTH: ClassVar[str]
    """The path that answers once all is there."""
    PATIENCE: ClassVar[float]
    """Seconds until then, at most."""

    address: str
    login: tuple[str, str]
    process: Process

    def wait(self) -> None:
        """Return when the server answers."""
        self.process.wait_until(lambda: self.answers(self.HEALTH), self.PATIENCE)

    def stop(self) -> None:
        """End the server."""
        self.process.stop()

    def answers(self, path: str) -> bool:
        """Whether GET `path` succeeds."""
        try:
            reply = httpx.get(f"{self.address}/{path}", auth=self.login, timeout=2, trust_env=False)
        except httpx.HTTPError:
            return False
        return reply.status_code == httpx.codes.OK

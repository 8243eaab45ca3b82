"""The server's connections: how many there may be, how long a request's header may take, and the
security headers on everything that is answered.

uvicorn bounds none of these by itself. It also answers some requests without asking the
application (100 Continue, 400 for what is not HTTP), so the headers are added where bytes are
written.
"""

import asyncio
import json
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from cardjax.play.web.headers import SECURITY

CONNECTIONS = 256
"""At once; whoever comes beyond them is told that the server is busy."""
PER_ADDRESS = 64
"""Of these for one address; a browser opens six at most."""
HEADER_PATIENCE = 10.0
"""Seconds that the header of a request may take to arrive, counted from the connection or from the
header's first byte.
"""
FAREWELL = 3
"""Seconds that a stopping server waits for answers on their way."""
LINGER = 1.0
"""Seconds that a refused connection stays open, so that its visitor can read why."""


def server_config(app: ASGIApp, **options: Any) -> uvicorn.Config:
    """How uvicorn serves `app`; `options` are further ones of its own."""
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=FAREWELL,
        **options,
    )


class GuardedProtocol(H11Protocol):
    """HTTP on one connection, within the limits above."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.conn = _SecureConnection(h11.SERVER)
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection on, or say that there are too many."""
        super().connection_made(transport)
        from_here = [other for other in self.connections if _address(other) == _address(self)]
        if len(self.connections) > CONNECTIONS or len(from_here) > PER_ADDRESS:
            self._refuse()
        self._watch_the_header()

    def data_received(self, data: bytes) -> None:
        """Read on; what a refused visitor sends is not looked at."""
        if not self._refused:
            super().data_received(data)
            self._watch_the_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the connection go."""
        super().connection_lost(exc)
        self._stop_watching()

    def _watch_the_header(self) -> None:
        """Between two requests a deadline runs, which further bytes do not put off."""
        if self._refused or (self.cycle is not None and not self.cycle.response_complete):
            self._stop_watching()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_PATIENCE, self.timeout_keep_alive_handler)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self) -> None:
        self._refused = True
        self.connections.discard(self)
        self.transport.write(_busy())
        self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.abort)


class _SecureConnection(h11.Connection):
    """Adds `SECURITY` to the head of every answer, errors and 100 Continue included."""

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]
        if isinstance(event, h11.InformationalResponse | h11.Response):
            added = [(name.encode(), value.encode()) for name, value in SECURITY.items()]
            event = type(event)(
                status_code=event.status_code,
                headers=[*event.headers, *added],
                reason=event.reason,
            )
        return super().send(event)


def _address(connection: Any) -> str | None:
    return connection.client[0] if connection.client else None


def _busy() -> bytes:
    body = json.dumps({"error": "The server is busy. Try again in a moment."}).encode()
    headers = SECURITY | {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{head}\r\n".encode() + body

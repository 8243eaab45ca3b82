"""The headers of a request that are looked at, and those that every answer carries."""

import ipaddress

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Nothing is worth keeping: the page is small, and a game's state is stale after the next order.
    "cache-control": "no-store",
}
"""Keeps a browser from doing what this page never asks of it; `connections` adds it to every
answer.
"""


class HostCheck:
    """Refuses requests whose Host header is not a name of this server.

    A page of another site can make its own name resolve to 127.0.0.1 and would then be treated by
    the browser as if it came from here (DNS rebinding). Its requests carry its name, which tells
    them apart.
    """

    def __init__(self, app: ASGIApp, host: str, names: tuple[str, ...] = ()):
        """`host` is what the server listens at, and `names` are further names that are allowed."""
        self.app, self.names = app, {name.lower() for name in (host, *names)}
        address = _address(host)
        self.everywhere = address is not None and address.is_unspecified

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        app = self.app
        if scope["type"] == "http":
            named = HTTPConnection(scope).headers.getlist("host")
            if len(named) != 1 or not self.allows(named[0]):
                said = "This server does not go by that name; --allow-host adds one."
                app = JSONResponse({"error": said}, 421)
        await app(scope, receive, send)

    def allows(self, named: str) -> bool:
        """Whether a Host header, with or without a port, names this server.

        That is localhost, a loopback address, or a name that was given. A server that listens at
        every address of its machine is also known by any address: an address cannot be rebound.
        """
        host, colon, port = named.rpartition(":")
        if not colon or named.endswith("]") or not port.isdecimal():
            host = named
        host = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
        if host in self.names or host == "localhost" or host.endswith(".localhost"):
            return True
        address = _address(host)
        return address is not None and (address.is_loopback or self.everywhere)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

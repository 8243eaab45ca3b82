"""The web server of `cardjax web`, until Ctrl-C."""

import argparse
import contextlib
import os
import socket

from cardjax.env import ParameterError
from cardjax.runtime.compilation import keep_compiled_programs


def serve(arguments: argparse.Namespace) -> None:
    """Serve the game until Ctrl-C.

    Raises:
        ParameterError: what is not allowed.
    """
    try:
        import uvicorn

        from cardjax.play.web.app import make_app
        from cardjax.play.web.connections import server_config
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("uvicorn", "starlette", "anyio", "h11"):
            raise
        raise ParameterError(
            "cardjax.play.web", error.name, "is not installed: pip install 'cardjax[web]'"
        ) from None
    from cardjax.play.web.players import Roster, load_served

    keep_compiled_programs()
    listener = _listen(arguments.host, arguments.port)
    with listener:
        app = make_app(
            Roster(load_served(arguments.policy)),
            host=arguments.host,
            names=tuple(arguments.allow_host),
        )
        config = server_config(app, log_level="warning")
        print(f"cardjax: {_address(arguments.host, listener)} (Ctrl-C stops)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # raised again once the server has stopped
            uvicorn.Server(config).run(sockets=[listener])
        print("stopped", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port that is taken is told before anything is loaded.

    Raises:
        ParameterError: the port or the host cannot be listened at.
    """
    if not 0 <= port < 2**16:
        raise ParameterError("--port", port, "must be a whole number in [0, 65535]")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except (socket.gaierror, UnicodeError):  # UnicodeError: no name can be that long
        raise ParameterError("--host", host, "is no address of this machine") from None
    except OSError as error:
        raise ParameterError(
            "--port", port, f"cannot be listened at on {host} ({_reason(error)})"
        ) from None


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _address(host: str, listener: socket.socket) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"

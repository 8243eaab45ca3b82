"""Visitors of the web server: real requests over a loopback socket."""

import http.client
import json
import socket
import threading

import uvicorn

from cardjax.play.web.connections import server_config

JSON = {"Content-Type": "application/json"}


class Client:
    """One visitor's requests."""

    def __init__(self, port):
        self.port = port

    def raw(self, method, path, body=None, headers=JSON):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers if body is not None else {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None):
        status, _, content = self.raw(method, path, None if body is None else json.dumps(body))
        return status, json.loads(content)

    def new(self, **setup):
        status, game = self.ask("POST", "/api/games", setup)
        assert status == 201, game
        return game

    def order(self, game, action):
        order = {"round": game["offer"]["round"], "action": action}
        status, after = self.ask("POST", f"/api/games/{game['id']}/orders", order)
        assert status == 200, after
        return after


def serve(app):
    """(uvicorn server, its thread, port) of an app at a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(server_config(app, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    return server, thread, listener.getsockname()[1]


def values_of(document, name):
    """All values under this name, however deep."""
    if isinstance(document, list):
        return [value for part in document for value in values_of(part, name)]
    if not isinstance(document, dict):
        return []
    own = [document[name]] if name in document else []
    return own + [value for part in document.values() for value in values_of(part, name)]

"""The server: JSON over HTTP, and the page's static files.

    GET  /api/options              who and what may be played
    POST /api/games                a new game: {mode, opponent, preset, seed, events, impact}, all
    optional GET  /api/games/ID             how it stands
    POST /api/games/ID/orders      {round, action}; answers with how it stands then
    GET  /api/games/ID/saved       the JSON file that the terminal saves too
    POST /api/matches              policies among themselves: {players: [name, …], …}; answers with
    the whole game POST /api/replays              a saved game's file; answers with the whole game,
    as the market replays it

Every refusal is {"error": one sentence} with a status of 4xx. What JAX computes runs in worker
threads, so the loop stays free, and a game's lock keeps its orders one after another.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from cardjax.config import presets_by_name
from cardjax.env import ParameterError
from cardjax.play.game import MAX_SEED
from cardjax.play.opponents import Table
from cardjax.play.record import game_json, parse_game
from cardjax.play.web.headers import SecurityHeaders
from cardjax.play.web.players import Players
from cardjax.play.web.requests import LARGE, RefusedError, parse, read_body, read_object
from cardjax.play.web.sessions import CAPACITY, ExpiredError, Sessions
from cardjax.play.web.setups import MODES, read_game, read_match, read_order
from cardjax.play.web.shown import show_saved, show_table, summary_of

T = TypeVar("T")
STATIC = Path(__file__).parent / "static"
WORKERS = 2
"""Threads that compute: a game is dispatches of tiny programs, which more threads only make wait
for each other.
"""
MOST_PLAYERS = 4
"""Of a replay: each number of players is programs of its own to compile, and sixteen would take
half a minute.
"""
EXPIRED = "This game is no longer kept: the server was restarted, or many others were played since. Start a new one."


def make_app(players: Players | None = None, capacity: int = CAPACITY) -> ASGIApp:
    """The ASGI application.

    Args:
        players: whom visitors may meet; by default the scripted policies.
        capacity: games kept; a further one drops the one untouched for longest.
    """
    server = Server(players or Players(), capacity)
    routes = [
        Route("/", server.page),
        Route("/api/options", server.options),
        Route("/api/games", server.new_game, methods=["POST"]),
        Route("/api/games/{game}", server.game),
        Route("/api/games/{game}/orders", server.order, methods=["POST"]),
        Route("/api/games/{game}/saved", server.saved),
        Route("/api/matches", server.match, methods=["POST"]),
        Route("/api/replays", server.replay, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    handlers: dict[Any, Any] = {
        RefusedError: lambda _, error: _refusal(error.status, error.message),
        ParameterError: lambda _, error: _refusal(400, f"{error}."),
        ExpiredError: lambda _, error: _refusal(404, EXPIRED),
        HTTPException: lambda _, error: _refusal(error.status_code, f"{error.detail}."),
        Exception: lambda _, error: _refusal(500, "The server failed at this; its log says more."),
    }
    # Around the whole application: Starlette answers failures outside of its own middleware.
    return SecurityHeaders(Starlette(routes=routes, exception_handlers=handlers))


@dataclass
class Visit:
    """A visitor's game, and what is said of it once it is over."""

    table: Table
    summary: dict[str, Any] | None = None


class Server:
    """The endpoints, and the games that they share."""

    def __init__(self, players: Players, capacity: int):
        self.players = players
        self.sessions: Sessions[Visit] = Sessions(capacity)
        self._workers = anyio.CapacityLimiter(WORKERS)

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html")

    async def options(self, request: Request) -> Response:
        """Modes, players by mode, presets, the largest seed."""
        players = {mode: self.players.labels(1 if mode == "single" else 2) for mode in MODES}
        return JSONResponse(
            {"players": players, "presets": list(presets_by_name()), "max_seed": MAX_SEED}
        )

    async def new_game(self, request: Request) -> Response:
        """Deal a game for the visitor."""
        body = await read_object(request)
        visit = await self._compute(lambda: Visit(Table(*read_game(body, self.players))))
        return await self._answer(self.sessions.add(visit), visit, status=201)

    async def game(self, request: Request) -> Response:
        """How a game stands."""
        name = request.path_params["game"]
        held = self.sessions.get(name)
        async with held.lock:
            return await self._answer(name, held.game)

    async def order(self, request: Request) -> Response:
        """Settle a round with the visitor's order."""
        round_, action = read_order(await read_object(request))
        name = request.path_params["game"]
        held = self.sessions.get(name)
        async with held.lock:
            _check_turn(held.game.table, round_)
            await self._compute(lambda: held.game.table.play({0: action}))
            return await self._answer(name, held.game)

    async def saved(self, request: Request) -> Response:
        """The game as a file, byte for byte as `save_game` writes it."""
        held = self.sessions.get(request.path_params["game"])
        async with held.lock:
            table = held.game.table
            document = game_json(table.setup, [seat.name for seat in table.seats], table.records)
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        name = f"cardjax-{table.setup.kind}-seed{table.setup.seed}.json"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="application/json", headers=headers)

    async def match(self, request: Request) -> Response:
        """Play a whole game among policies; it is kept, so that it can be saved."""
        body = await read_object(request)
        visit = await self._compute(
            lambda: Visit(_played_out(Table(*read_match(body, self.players))))
        )
        return await self._answer(self.sessions.add(visit), visit, status=201)

    async def replay(self, request: Request) -> Response:
        """Replay a saved game. Nothing of it is kept."""
        body = await read_body(request, LARGE)
        _check_size(parse(body))
        return JSONResponse(
            await self._compute(lambda: _replayed(body.decode("utf-8"), self.players))
        )

    async def _answer(self, name: str, visit: Visit, status: int = 200) -> Response:
        def shown() -> dict[str, Any]:
            if visit.table.over and visit.summary is None:
                visit.summary = summary_of(
                    visit.table.setup, visit.table.seats, visit.table.records, self.players
                )
            return {"id": name} | show_table(visit.table, visit.summary)

        return JSONResponse(await self._compute(shown), status)

    async def _compute(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._workers)


def _check_size(document: Any) -> None:
    n_players = document.get("n_players") if isinstance(document, dict) else None
    if isinstance(n_players, int) and n_players > MOST_PLAYERS:
        raise RefusedError(
            400,
            f"The file is of {n_players} players; games of at most {MOST_PLAYERS} are replayed here.",
        )


def _check_turn(table: Table, round_: int) -> None:
    if not table.human_seats:
        raise RefusedError(409, "This game is among policies and takes no orders.")
    if table.over:
        raise RefusedError(409, "This game is over.")
    if round_ != table.offer.round:
        raise RefusedError(
            409, f"round = {round_}: the game is at round {table.offer.round}; load it again."
        )


def _played_out(table: Table) -> Table:
    while not table.over:
        table.play({})
    return table


def _replayed(text: str, players: Players) -> dict[str, Any]:
    try:
        saved = parse_game(text)
    except ParameterError as error:
        raise RefusedError(400, f"The file is refused: {error}.") from None
    except ValueError as error:
        raise RefusedError(400, f"The file {error}.") from None
    shown = show_saved(saved, players)
    try:
        json.dumps(shown, allow_nan=False)
    except ValueError:
        raise RefusedError(
            400, "The file's parameters lead to figures that are not finite."
        ) from None
    return shown


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)

"""The server: JSON over HTTP, and the page's static files.

GET  /api/options           who and what may be played
POST /api/games             a new game: {role, mode, opponent, preset, seed, events, impact}, all
                            optional
GET  /api/games/ID          how it stands
POST /api/games/ID/orders   {round, action}; answers with how it stands then
POST /api/games/ID/quotes   {round, ask, bid}, the same of a maker
GET  /api/games/ID/saved    the JSON file that the terminal saves too
POST /api/matches           policies among themselves: {players: [name, …], …}; the whole game
POST /api/replays           a saved game's file; the whole game, as the market replays it

Every refusal is {"error": one sentence} with a status of 4xx. What JAX computes runs in worker
threads, so the event loop stays free, and a game's lock keeps its orders one after another.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
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

from cardjax.env import ParameterError
from cardjax.play.maker.game import MakerGame
from cardjax.play.maker.record import SavedMakerGame, maker_game_text, parse_any_game
from cardjax.play.maker.score import IN_ITS_PLACE
from cardjax.play.participants import Participant, SeatedGame
from cardjax.play.record import game_text
from cardjax.play.setup import MAKER, MAX_SEED, PLAYED, PLAYED_AS_MAKER, TAKER, Setup
from cardjax.play.web.headers import HostCheck
from cardjax.play.web.players import MAKER_WORDS, Roster
from cardjax.play.web.requests import LARGE, RefusedError, parse, read_body, read_object
from cardjax.play.web.sessions import CAPACITY, ExpiredError, Sessions
from cardjax.play.web.setups import (
    MODES,
    presets_of,
    read_game,
    read_maker_game,
    read_maker_match,
    read_match,
    read_order,
    read_quote,
    read_role,
)
from cardjax.play.web.shown import show_game, show_saved, summary_of
from cardjax.play.web.shown_maker import maker_summary, show_maker_game, show_saved_maker

T = TypeVar("T")
STATIC = Path(__file__).parent / "static"
WORKERS = 2
"""Threads that compute: a game is dispatches of tiny programs, which more threads only make wait
for each other.
"""
MOST_PLAYERS = 4
"""Of a replay: each number of players has programs of its own to compile, and sixteen players would
take half a minute.
"""
EXPIRED = (
    "The server no longer has this game: it was restarted, or many other games were played since."
)


def make_app(
    players: Roster | None = None,
    capacity: int = CAPACITY,
    host: str = "127.0.0.1",
    names: tuple[str, ...] = (),
) -> ASGIApp:
    """The ASGI application.

    Args:
        players: whom visitors may meet; by default the scripted policies.
        capacity: how many games are kept; a further one drops the one untouched for longest.
        host: the address that the server listens at.
        names: names beyond it and those of this machine that visitors may call the server by.
    """
    server = Server(players or Roster(), capacity)
    routes = [
        Route("/", server.page),
        Route("/api/options", server.options),
        Route("/api/games", server.new_game, methods=["POST"]),
        Route("/api/games/{game}", server.game),
        Route("/api/games/{game}/orders", server.order, methods=["POST"]),
        Route("/api/games/{game}/quotes", server.quote, methods=["POST"]),
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
    return HostCheck(Starlette(routes=routes, exception_handlers=handlers), host, names)


@dataclass
class Visit:
    """A visitor's game, what is said of it once it is over, and the lock of whoever plays it."""

    game: SeatedGame | MakerGame
    summary: dict[str, Any] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Server:
    """The endpoints, and the games that they share."""

    def __init__(self, players: Roster, capacity: int):
        self.players = players
        self.sessions: Sessions[Visit] = Sessions(capacity)
        self._workers = anyio.CapacityLimiter(WORKERS)

    async def page(self, request: Request) -> Response:
        """The page itself."""
        return FileResponse(STATIC / "index.html")

    async def options(self, request: Request) -> Response:
        """Players by mode; presets and the one that is played by default, also of a maker; the
        largest seed.
        """
        players, takers = (
            {mode: self.players.labels(1 if mode == "single" else 2, has_maker) for mode in MODES}
            for has_maker in (False, True)
        )
        return JSONResponse(
            {
                "players": players,
                "presets": presets_of(TAKER),
                "preset": PLAYED,
                "maker": {
                    "makers": [{"name": n, "words": w} for n, w in MAKER_WORDS.items()],
                    "players": takers,
                    "presets": presets_of(MAKER),
                    "preset": PLAYED_AS_MAKER,
                },
                "max_seed": MAX_SEED,
            }
        )

    async def new_game(self, request: Request) -> Response:
        """Deal a game for the visitor."""
        body = await read_object(request)
        if read_role(body) == MAKER:
            visit = await self._compute(
                lambda: Visit(MakerGame(*read_maker_game(body, self.players)))
            )
        else:
            visit = await self._compute(lambda: Visit(SeatedGame(*read_game(body, self.players))))
        return await self._answer(self.sessions.add(visit), visit, status=201)

    async def game(self, request: Request) -> Response:
        """How a game stands."""
        name = request.path_params["game"]
        visit = self.sessions.get(name)
        async with visit.lock:
            return await self._answer(name, visit)

    async def order(self, request: Request) -> Response:
        """Settle a round with the visitor's order."""
        round_, action = read_order(await read_object(request))
        name = request.path_params["game"]
        visit = self.sessions.get(name)
        async with visit.lock:
            game = visit.game
            if isinstance(game, MakerGame):
                raise RefusedError(409, "This game takes the maker's quotes and no orders.")
            _check_turn(game, round_)
            await self._compute(lambda: game.play({0: action}))
            return await self._answer(name, visit)

    async def quote(self, request: Request) -> Response:
        """Settle a round with the visitor's quote."""
        round_, choices = read_quote(await read_object(request))
        name = request.path_params["game"]
        visit = self.sessions.get(name)
        async with visit.lock:
            game = visit.game
            if isinstance(game, SeatedGame):
                raise RefusedError(409, "This game takes orders and no quotes.")
            _check_turn(game, round_)
            await self._compute(lambda: game.play(choices))
            return await self._answer(name, visit)

    async def saved(self, request: Request) -> Response:
        """The game as a file, byte for byte as `save_game` writes it."""
        visit = self.sessions.get(request.path_params["game"])
        async with visit.lock:
            game, setup = visit.game, visit.game.setup
            if isinstance(game, MakerGame):
                text = maker_game_text(setup, game.takers.name, game.records)
            else:
                text = game_text(setup, game.names, game.records)
        what = f"maker-{setup.kind}" if isinstance(game, MakerGame) else setup.kind
        name = f"cardjax-{what}-seed{setup.seed}.json"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="application/json", headers=headers)

    async def match(self, request: Request) -> Response:
        """Play a whole game among policies; it is kept, so that it can be saved."""
        body = await read_object(request)
        if read_role(body) == MAKER:
            visit = await self._compute(
                lambda: Visit(_quoted_out(*read_maker_match(body, self.players)))
            )
        else:
            visit = await self._compute(
                lambda: Visit(_played_out(SeatedGame(*read_match(body, self.players))))
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
            game = visit.game
            if isinstance(game, MakerGame):
                if game.over and visit.summary is None:
                    visit.summary = maker_summary(game.setup, game.takers, game.records)
                return {"id": name} | show_maker_game(game, visit.summary)
            if game.over and visit.summary is None:
                visit.summary = summary_of(
                    game.setup, game.participants, game.records, self.players
                )
            return {"id": name} | show_game(game, visit.summary)

        return JSONResponse(await self._compute(shown), status)

    async def _compute(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._workers)


def _check_size(document: object) -> None:
    n_players = document.get("n_players") if isinstance(document, dict) else None
    if isinstance(n_players, int) and n_players > MOST_PLAYERS:
        raise RefusedError(
            400,
            f"The file has {n_players} players; games of at most {MOST_PLAYERS} are replayed here.",
        )


def _check_turn(game: SeatedGame | MakerGame, round_: int) -> None:
    if isinstance(game, SeatedGame) and not game.human_seats:
        raise RefusedError(409, "This game is among policies and takes no orders.")
    if game.over:
        raise RefusedError(409, "This game is over.")
    if round_ != game.offer.round:
        raise RefusedError(
            409, f"round = {round_}: the game is at round {game.offer.round}; load it again."
        )


def _played_out(game: SeatedGame) -> SeatedGame:
    while not game.over:
        game.play({})
    return game


def _quoted_out(setup: Setup, takers: Participant, maker: str) -> MakerGame:
    game = MakerGame(setup, takers, maker)
    while not game.over:
        game.play(IN_ITS_PLACE[maker](game))
    return game


def _replayed(text: str, players: Roster) -> dict[str, Any]:
    try:
        saved = parse_any_game(text)
    except ParameterError as error:
        raise RefusedError(400, f"The file is refused: {error}.") from None
    except ValueError as error:
        raise RefusedError(400, f"The file {error}.") from None
    if isinstance(saved, SavedMakerGame):
        shown = show_saved_maker(saved)
    else:
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

"""What a visitor sends is untrusted: its size, its syntax and its depth are checked before anything
reads it.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

SMALL = 4 * 1024
"""Bytes: more than any order or new game takes."""
LARGE = 256 * 1024
"""Bytes: several times a saved game."""
DEEPEST = 12
"""Nested lists and objects; a saved game has about five."""
PATIENCE = 15.0
"""Seconds for a body to arrive."""


class RefusedError(Exception):
    """A request that is answered with one message and a status of 4xx."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


async def read_object(request: Request, limit: int = SMALL) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        RefusedError: not declared as JSON (415), longer than `limit` (413), too slow (408), no
            object (400).
    """
    value = parse(await read_body(request, limit))
    if not isinstance(value, dict):
        raise RefusedError(400, "The request must be a JSON object.")
    return value


async def read_body(request: Request, limit: int) -> bytes:
    """The body's bytes, never more than `limit` of them in memory.

    Asking for the media type keeps other sites' forms out: a browser sends JSON across sites only
    if we allowed it.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "The request must have the content type application/json.")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise RefusedError(
                        413, f"The request is too long: {limit // 1024} KiB are allowed."
                    )
    except TimeoutError:
        raise RefusedError(
            408, f"The request did not arrive within {PATIENCE:g} seconds."
        ) from None
    except ClientDisconnect:
        raise RefusedError(400, "The request was broken off.") from None
    return bytes(body)


def parse(body: bytes) -> object:
    """JSON as its standard has it: no NaN, no infinities, no name twice, no lone surrogates, and at
    most `DEEPEST` levels.

    Raises:
        RefusedError: anything else.
    """
    try:
        value = json.loads(
            body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once
        )
    except UnicodeDecodeError:
        raise RefusedError(400, "The request is not UTF-8 text.") from None
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RefusedError(400, f"The request is not valid JSON: {said[:200]}.") from None
    if _deeper_than(value, DEEPEST):
        raise RefusedError(400, f"The request is nested too deeply: {DEEPEST} levels are allowed.")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise RefusedError(400, "The request has half a character in it (a surrogate).") from None
    return value


def refuse_unknown(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse names that nothing would read.

    Raises:
        RefusedError: the first such name, and those that there are.
    """
    for name in body:
        if name not in known:
            raise RefusedError(400, f"{shown(name)}: unknown field; there are {', '.join(known)}.")


def shown(value: object) -> str:
    """A value as messages quote it: on one line, and short."""
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name comes twice in an object")
    return dict(pairs)


def _deeper_than(value: object, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [child for outer in level for child in _children(outer)]
    return any(isinstance(outer, dict | list) for outer in level)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []

"""What requests may hold, and what becomes of them before anything is drawn."""

from __future__ import annotations

import asyncio
import hmac
import io
import json
from typing import Any

from starlette.requests import Request

from edgegan.core.errors import GeneratorError, UsageError

MOST_IMAGES = 256
OPTIONS = {"count", "seed", "truncation", "fixed"}


class TooLarge(GeneratorError):
    """A body beyond the limit."""


class TooSlow(GeneratorError):
    """A body that did not come in time."""


class Unknown(GeneratorError):
    """A request without the token that the service asks for."""


def check_token(request: Request, token: str) -> None:
    """Raises Unknown where the header ``Authorization: Bearer`` is not ``token``."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Unknown("this service asks for its token: send the header Authorization: Bearer TOKEN")


async def body(request: Request, most_bytes: int, seconds: float) -> bytes:
    """The request's body. Raises TooLarge, TooSlow."""
    try:
        return await asyncio.wait_for(_read(request, most_bytes), seconds)
    except asyncio.TimeoutError:
        raise TooSlow(f"the request did not come within {seconds:g} s") from None


async def _read(request: Request, most_bytes: int) -> bytes:
    received = io.BytesIO()
    async for part in request.stream():
        received.write(part)
        if received.tell() > most_bytes:
            raise TooLarge(f"the request is larger than {most_bytes >> 20} MiB")
    return received.getvalue()


def sample_options(content: bytes) -> dict[str, Any]:
    """``count``, ``seed``, ``truncation`` and ``fixed``. Raises UsageError."""
    try:
        given = json.loads(content or b"{}")
    except (ValueError, RecursionError) as exc:
        raise UsageError(f'the body is not JSON ({exc}); send for example {{"count": 4, "seed": 0}}') from exc
    if not isinstance(given, dict) or not given.keys() <= OPTIONS or not isinstance(given.get("fixed", {}), dict):
        raise UsageError(f"send a JSON object with any of {', '.join(sorted(OPTIONS))}")
    count, seed = whole(given.get("count", 1), "count"), whole(given.get("seed", 0), "seed")
    if not 1 <= count <= MOST_IMAGES:
        raise UsageError(f"count {count}: between 1 and {MOST_IMAGES}")
    truncation = given.get("truncation")
    if truncation is not None and (isinstance(truncation, bool) or not isinstance(truncation, int | float)):
        raise UsageError(f"truncation {truncation!r} is not a number")
    return {"count": count, "seed": seed, "truncation": truncation, **_named(given.get("fixed", {}))}


def _named(fixed: dict[str, Any]) -> dict[str, Any]:
    taken = OPTIONS & fixed.keys()
    if taken:
        raise UsageError(f"fixed: {', '.join(sorted(taken))} is no input")
    return fixed


def whole(value: Any, name: str) -> int:
    """A whole number from 0. Raises UsageError."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} {value!r} is not a whole number") from None
    if number < 0:
        raise UsageError(f"{name} {number}: at least 0")
    return number

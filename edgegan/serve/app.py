"""The HTTP service: what a loaded generator does, as requests.

GET  /            a page to try it
GET  /manifest    the artifact's manifest, JSON
GET  /health      {"status": "ok"} once the generator answers
POST /images      JSON {"count": 4, "seed": 0, "fixed": {"label": 3}} -> PNG: one picture, or a sheet
POST /image       a picture (PNG, JPEG, ...) -> PNG, for image-to-image generators; ?seed=N for other inputs
"""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from edgegan.core.errors import UsageError
from edgegan.core.images import decode_image, grid
from edgegan.core.png import png
from edgegan.runtime.generator import Generator
from edgegan.serve.page import PAGE

MOST_IMAGES = 256
MOST_BYTES = 32 << 20
OPTIONS = {"count", "seed", "fixed"}


def create_app(generator: Generator) -> Starlette:
    """An ASGI application over ``generator``, one inference at a time: sessions of the vendors are not made for
    more."""
    service = _Service(generator)
    routes = [
        Route("/", service.page),
        Route("/manifest", service.manifest),
        Route("/health", service.health),
        Route("/images", service.images, methods=["POST"]),
        Route("/image", service.image, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={UsageError: _refuse})


class _Service:
    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._turn = threading.Lock()

    async def page(self, _: Request) -> Response:
        return HTMLResponse(PAGE)

    async def manifest(self, _: Request) -> Response:
        return JSONResponse(self.generator.manifest.content)

    async def health(self, _: Request) -> Response:
        await run_in_threadpool(self._sample, 1, 0, {})
        return JSONResponse({"status": "ok"})

    async def images(self, request: Request) -> Response:
        count, seed, fixed = _sample_options(await _body(request))
        pictures = await run_in_threadpool(self._sample, count, seed, fixed)
        return _png(pictures[0] if count == 1 else grid(pictures, columns=min(8, count)))

    async def image(self, request: Request) -> Response:
        picture = decode_image(await _body(request), self._image_size())
        seed = _whole(request.query_params.get("seed", "0"), "seed")
        return _png(await run_in_threadpool(self._translate, picture, seed))

    def _image_size(self) -> tuple[int, int, int]:
        spec = next((i for i in self.generator.inputs if i.kind == "image"), None)
        if spec is None:
            raise UsageError("this generator takes no picture; POST /images")
        channels, height, width = spec.shape
        return height, width, channels

    def _sample(self, count: int, seed: int, fixed: dict[str, Any]) -> np.ndarray:
        with self._turn:
            return self.generator.sample(count, seed, **fixed)

    def _translate(self, picture: np.ndarray, seed: int) -> np.ndarray:
        with self._turn:
            return self.generator(picture, seed)


async def _body(request: Request) -> bytes:
    """The request's body. Raises UsageError for one that is larger than any picture should be."""
    received = io.BytesIO()
    async for part in request.stream():
        received.write(part)
        if received.tell() > MOST_BYTES:
            raise UsageError(f"the request is larger than {MOST_BYTES >> 20} MiB")
    return received.getvalue()


def _sample_options(body: bytes) -> tuple[int, int, dict[str, Any]]:
    try:
        given = json.loads(body or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f'the body is not JSON ({exc}); send for example {{"count": 4, "seed": 0}}') from exc
    if not isinstance(given, dict) or not given.keys() <= OPTIONS or not isinstance(given.get("fixed", {}), dict):
        raise UsageError(f"send a JSON object with any of {', '.join(sorted(OPTIONS))}")
    count, seed = _whole(given.get("count", 1), "count"), _whole(given.get("seed", 0), "seed")
    if not 1 <= count <= MOST_IMAGES:
        raise UsageError(f"count {count}: between 1 and {MOST_IMAGES}")
    return count, seed, given.get("fixed", {})


def _whole(value: Any, name: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise UsageError(f"{name} {value!r} is not a whole number") from None
    if number < 0:
        raise UsageError(f"{name} {number}: at least 0")
    return number


def _png(picture: np.ndarray) -> Response:
    return Response(png(picture), media_type="image/png")


async def _refuse(_: Request, exc: Exception) -> Response:
    return JSONResponse({"error": str(exc)}, status_code=422)

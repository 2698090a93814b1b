"""The HTTP service: what a loaded generator does, as requests. ``openapi.py`` describes each; / is a page to try it."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from edgegan.core.errors import UsageError
from edgegan.core.images import grid
from edgegan.core.png import png
from edgegan.media import pictures
from edgegan.media.fit import fitting
from edgegan.runtime.generator import Generator
from edgegan.serve import requests
from edgegan.serve.batcher import RETRY_S, WAIT_S, Batcher, Busy
from edgegan.serve.metrics import Metrics
from edgegan.serve.openapi import openapi
from edgegan.serve.openapi import page as openapi_page
from edgegan.serve.page import PAGE

CODES: dict[type[Exception], int] = {
    UsageError: 422,
    requests.TooLarge: 413,
    requests.TooSlow: 408,
    Busy: 503,
    asyncio.TimeoutError: 504,
    ClientDisconnect: 499,
    requests.Unknown: 401,
}
OPEN = frozenset(("/", "/health", "/ready"))
"""What is answered without a token: the page, which asks for it, and what a supervisor watches."""
AT_ONCE = 2
"""Pictures that are decoded at a time: each takes some bytes a pixel while it lasts."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``waiting``: pictures that may wait, of all requests together. ``seconds``: for a body to come, and again for its
    pictures. ``megabytes`` of a body, ``megapixels`` of a picture that comes in, or out. ``token``: what requests
    must bring, but for OPEN."""

    waiting: int = 512
    seconds: float = 30.0
    megabytes: int = 32
    megapixels: float = 64.0
    token: str | None = None


def create_app(generators: Sequence[Generator], limits: Limits | None = None, log: bool = False) -> Starlette:
    """An ASGI application; each of ``generators`` is a session that draws beside the others. ``log``: a line of JSON on
    standard error for each request."""
    service = _Service(generators, limits or Limits(), log)
    routes = [
        Route("/", service.page),
        Route("/docs", service.docs),
        Route("/openapi.json", service.openapi),
        Route("/manifest", service.manifest),
        Route("/health", service.health),
        Route("/ready", service.ready),
        Route("/metrics", service.metrics_text),
        Route("/images", service.images, methods=["POST"]),
        Route("/image", service.image, methods=["POST"]),
    ]
    counted = Middleware(BaseHTTPMiddleware, dispatch=service.counted)
    return Starlette(routes=routes, lifespan=service.lifespan, middleware=[counted])


class _Service:
    def __init__(self, generators: Sequence[Generator], limits: Limits, log: bool) -> None:
        self.generator, self.limits, self.log = generators[0], limits, log
        self.metrics = Metrics(WAIT_S, len(generators))
        self.batcher = Batcher(generators, self.metrics, limits.waiting)
        self._decoding = asyncio.Semaphore(AT_ONCE)
        self._sessions = len(generators)
        self._is_ready = False

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self.batcher.start()
        warm = asyncio.create_task(self._warm_up())
        try:
            yield
        finally:
            warm.cancel()
            await self.batcher.stop()

    async def _warm_up(self) -> None:
        """Every session draws once."""

        def once(generator: Generator) -> None:
            generator.pictures(generator.sample_inputs())

        await asyncio.gather(*(self.batcher.alone(once) for _ in range(self._sessions)))
        self._is_ready = True

    async def counted(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Every request with its time and status in the metrics and, where asked, in the log; errors become answers."""
        began = time.monotonic()
        try:
            if self.limits.token is not None and request.url.path not in OPEN:
                requests.check_token(request, self.limits.token)
            response = await answer(request)
        except tuple(CODES) as exc:
            response = _refusal(exc)
        known = request.scope.get("path") in PATHS
        path, taken = request.url.path if known else "other", time.monotonic() - began
        self.metrics.requests.labels(path, str(response.status_code)).inc()
        self.metrics.seconds.labels(path).observe(taken)
        if self.log:
            _log(request, response.status_code, taken)
        return response

    async def page(self, _: Request) -> Response:
        return HTMLResponse(PAGE)

    async def docs(self, _: Request) -> Response:
        return HTMLResponse(openapi_page(self._description()))

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(self._description())

    def _description(self) -> dict[str, Any]:
        return openapi(str(self.generator.manifest.content["model"]))

    async def manifest(self, _: Request) -> Response:
        return JSONResponse(self.generator.manifest.content)

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        if not self._is_ready:
            return JSONResponse({"status": "loading"}, status_code=503, headers={"Retry-After": str(RETRY_S)})
        return JSONResponse({"status": "ready"})

    async def metrics_text(self, _: Request) -> Response:
        return Response(self.metrics.text(), media_type=self.metrics.content_type)

    async def images(self, request: Request) -> Response:
        given = requests.sample_options(await self._body(request))
        count = given.pop("count")
        inputs = self.generator.sample_inputs(count, **given)
        drawn = await asyncio.wait_for(self.batcher.draw(inputs, count), self.limits.seconds)
        return await _png(drawn[0] if count == 1 else grid(drawn, columns=min(8, count)))

    async def image(self, request: Request) -> Response:
        channels = self._image_channels()
        content = await self._body(request)
        seed = requests.whole(request.query_params.get("seed", "0"), "seed")
        way = request.query_params.get("fit", "auto")
        if way == "auto":
            way = "crop" if self.generator.tiling is None else "tile"
        most = int(self.limits.megapixels * 1e6)
        async with self._decoding:
            given = await asyncio.to_thread(pictures.read, io.BytesIO(content), channels, most)
        height, width = fitting(self.generator, way, None, seed)[0].size(*given.pixels.shape[:2])
        if height * width > most:
            raise requests.TooLarge(
                f"{width}x{height} pixels would come out; at most {self.limits.megapixels:g} megapixels do"
            )

        def draw(generator: Generator) -> bytes:
            fit, _ = fitting(generator, way, None, seed)
            buffer = io.BytesIO()
            made = int(generator.manifest.output_shape[0])
            pictures.write_stream(buffer, "PNG", fit.bands(given.pixels), (height, width), made, given)
            return buffer.getvalue()

        answer = await asyncio.wait_for(self.batcher.alone(draw), self.limits.seconds)
        return Response(answer, media_type="image/png")

    def _image_channels(self) -> int:
        try:
            return self.generator.image_shape[2]
        except UsageError:
            raise UsageError("this generator takes no picture; POST /images") from None

    async def _body(self, request: Request) -> bytes:
        return await requests.body(request, self.limits.megabytes << 20, self.limits.seconds)


PATHS = frozenset(("/", "/docs", "/openapi.json", "/manifest", "/health", "/ready", "/metrics", "/images", "/image"))


async def _png(picture: np.ndarray) -> Response:
    small = picture.size < 1 << 16
    return Response(png(picture) if small else await asyncio.to_thread(png, picture), media_type="image/png")


def _refusal(exc: Exception) -> Response:
    code = next(code for kind, code in CODES.items() if isinstance(exc, kind))
    told = str(exc) or "not drawn in time; ask for fewer pictures, or later"
    headers = {503: {"Retry-After": str(RETRY_S)}, 401: {"WWW-Authenticate": "Bearer"}}.get(code, {})
    return JSONResponse({"error": told}, status_code=code, headers=headers)


def _log(request: Request, status: int, seconds: float) -> None:
    line = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "client": request.client.host if request.client else None,
        "method": request.method,
        "path": request.url.path,
        "status": status,
        "ms": round(1e3 * seconds, 2),
    }
    sys.stderr.write(json.dumps(line) + "\n")

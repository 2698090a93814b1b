"""A generator behind Ray Serve: POST /images {"count": 4, "seed": 0} -> PNG; POST /image a picture -> PNG."""

import asyncio
import os
from pathlib import Path

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edgegan.core.errors import UsageError
from edgegan.core.images import decode_image, grid
from edgegan.core.png import png
from edgegan.runtime import load

ARTIFACT = Path(__file__).parent / os.environ.get("EDGEGAN_ARTIFACT", "{{artifact}}")
MOST = 256


@serve.deployment(max_ongoing_requests=8)
class Generator:
    """A session for each replica; scale with num_replicas or autoscaling."""

    def __init__(self) -> None:
        self.generator = load(ARTIFACT, threads=int(os.environ.get("EDGEGAN_THREADS", "1")))

    async def __call__(self, request: Request) -> Response:
        try:
            if request.url.path.endswith("/images"):
                given = await request.json()
                count, seed = int(given.get("count", 1)), int(given.get("seed", 0))
                if not 1 <= count <= MOST:
                    raise UsageError(f"count {count}: between 1 and {MOST}")
                return await asyncio.to_thread(self.sampled, count, seed)
            if request.url.path.endswith("/image"):
                return await asyncio.to_thread(self.translated, await request.body())
        except (UsageError, ValueError) as exc:
            return JSONResponse({"error": str(exc)}, status_code=422)
        return JSONResponse({"error": "POST /images or /image"}, status_code=404)

    def sampled(self, count: int, seed: int) -> Response:
        pictures = self.generator.sample(count, seed)
        return Response(
            png(pictures[0] if count == 1 else grid(pictures, columns=min(8, count))), media_type="image/png"
        )

    def translated(self, content: bytes) -> Response:
        picture = decode_image(content, self.generator.image_shape)
        return Response(png(self.generator(picture)), media_type="image/png")


application = Generator.bind()  # type: ignore[attr-defined]

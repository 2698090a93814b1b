"""``edgegan serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.core.errors import DeviceError, MissingPackageError


def serve(
    artifact: Annotated[Path, typer.Argument(help="The artifact, its manifest beside it.")],
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads; default all that this process may use.")
    ] = None,
) -> None:
    """HTTP service over an artifact: POST /images samples, POST /image translates a picture, / is a page to try it.

    Example: edgegan serve out/g.tflite --port 8000
    """
    from edgegan.runtime import load

    try:
        import uvicorn

        from edgegan.serve.app import create_app
    except ModuleNotFoundError as exc:
        raise MissingPackageError(str(exc.name), "serve", "Serving") from exc
    with load(artifact, threads=threads) as generator:
        config = uvicorn.Config(create_app(generator), host=host, port=port, log_level="warning")
        server = uvicorn.Server(config)
        try:
            listening = config.bind_socket()
        except SystemExit as exc:
            raise DeviceError(
                f"cannot listen on {host}:{port}; is another service there? Choose another --port"
            ) from exc
        listening.listen()
        typer.echo(f"serving {artifact} at http://{host}:{listening.getsockname()[1]}/ (Ctrl-C stops)")
        server.run([listening])

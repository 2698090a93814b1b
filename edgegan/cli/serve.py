"""``edgegan serve``."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.loading import KEY, check_signature
from edgegan.core.errors import DeviceError, MissingPackageError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
BACKLOG = 2048
"""Connections that may wait to be accepted."""


def serve(
    artifact: Annotated[Path, typer.Argument(help="The artifact, its manifest beside it.")],
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads of all workers; default all that this process may use.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Sessions that draw beside each other.")] = 1,
    most_waiting: Annotated[
        int, typer.Option("--max-waiting", min=1, help="Pictures that may wait; more are refused with 503.")
    ] = 512,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds for a request to come, and for its pictures.")
    ] = 30.0,
    megabytes: Annotated[int, typer.Option("--max-mib", min=1, help="Size of a request, MiB.")] = 32,
    megapixels: Annotated[
        float, typer.Option("--max-megapixels", min=0.001, help="Size of a picture that comes in, or out.")
    ] = 64.0,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="EDGEGAN_TOKEN",
            show_envvar=True,
            help="What requests must bring in the header Authorization: Bearer; default none.",
        ),
    ] = None,
    key: KEY = None,
    log: Annotated[bool, typer.Option("--log", help="A line of JSON on standard error for each request.")] = False,
) -> None:
    """HTTP service over an artifact: POST /images samples, POST /image translates a picture, / is a page to try it.

    Requests that come together are drawn together; /ready, /metrics (Prometheus) and /docs say more.

    Example: edgegan serve out/g.tflite --port 8000
    """
    from edgegan.runtime import load
    from edgegan.runtime.generator import available_threads
    from edgegan.runtime.tried import try_first

    try:
        import uvicorn

        from edgegan.serve.app import Limits, create_app
    except ModuleNotFoundError as exc:
        raise MissingPackageError(str(exc.name), "serve", "Serving") from exc
    each = max(1, (threads or available_threads()) // workers)
    limits = Limits(waiting=most_waiting, seconds=timeout, megabytes=megabytes, megapixels=megapixels, token=token)
    check_signature(artifact, key)
    try_first(artifact)
    with ExitStack() as stack:
        generators = [stack.enter_context(load(artifact, threads=each, key=key)) for _ in range(workers)]
        app = create_app(generators, limits, log)
        config = uvicorn.Config(app, host=host, port=port, log_level="warning", backlog=BACKLOG)
        server = uvicorn.Server(config)
        listening = _listening(host, port)
        if host not in LOOPBACK and token is None:
            typer.echo(f"anybody who reaches {host} may ask; --token keeps others out", err=True)
        typer.echo(f"serving {artifact} at http://{host}:{listening.getsockname()[1]}/ (Ctrl-C stops)")
        server.run([listening])


def _listening(host: str, port: int) -> socket.socket:
    """A socket whose protocol is named, without which asyncio lets every answer wait for the client's delayed
    acknowledgement (40 ms). Raises DeviceError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listening = socket.socket(family, kind, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as exc:
        raise DeviceError(
            f"cannot listen on {host}:{port} ({exc.strerror or exc}); is another service there? Choose another --port"
        ) from exc
    return listening

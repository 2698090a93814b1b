"""``edgegan package``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.console import ConsoleProgress, print_json
from edgegan.core.errors import OutputError, UsageError, nearest

KINDS = ("browser", "cpp", "android", "triton", "ray-serve")


def package(
    artifact: Annotated[Path, typer.Argument(help="The artifact, its manifest beside it.")],
    kind: Annotated[str, typer.Option("--for", help="browser, cpp, android, triton or ray-serve.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("out/package"),
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that holds something.")] = False,
    npm: Annotated[
        Path | None,
        typer.Option("--npm", help="Folder with archives that npm pack made, instead of fetching them (browser)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files that were written as JSON.")] = False,
) -> None:
    """What an app or a server embeds: a static page, C++ or Kotlin around the vendor's runtime, a model repository.

    Example: edgegan package out/g.tflite --for browser --out site
    """
    from edgegan.core.manifest import read_manifest
    from edgegan.package import android, browser, cpp, ray_serve, triton

    if kind not in KINDS:
        raise UsageError(f"--for {kind}: {nearest(kind, KINDS)}")
    manifest = read_manifest(artifact)
    if out.exists() and any(out.iterdir()) and not force:
        raise OutputError(f"{out} holds something; choose another --out, or --force to write into it")
    with ConsoleProgress(quiet=as_json) as progress:
        progress.stage(f"package for {kind}")
        if kind == "browser":
            steps = browser.package(manifest, out, npm)
        else:
            makers = {"cpp": cpp, "android": android, "triton": triton, "ray-serve": ray_serve}
            steps = makers[kind].package(manifest, out)
    written = sorted(str(file.relative_to(out)) for file in out.rglob("*") if file.is_file())
    if as_json:
        print_json({"for": kind, "out": str(out), "files": written, "next": steps})
        return
    typer.echo(f"{len(written)} files in {out}")
    for step in steps:
        typer.echo(step)

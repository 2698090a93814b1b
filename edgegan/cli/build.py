"""``edgegan build``: on the device, the engine from a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def build(
    bundle: Annotated[Path, typer.Argument(help="g.edgegan that compress left.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for g.plan and its manifest.")] = Path("engine"),
) -> None:
    """On the device: make the TensorRT engine from a bundle, and check its pictures.

    Example: edgegan build g.edgegan --out engine
    """
    from edgegan.export.engine import build_engine

    result = build_engine(bundle, out)
    typer.echo(
        f"{result.plan}: {result.precision}, {result.psnr_db:.1f} dB to the float network, on {result.backend_version}"
    )

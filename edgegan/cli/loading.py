"""Options by which every command that loads a model or an artifact is told how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.stages import help_of
from edgegan.core.signing import verify

WEIGHTS = Annotated[Path | None, typer.Option("--weights", help=help_of("weights"))]
WEIGHTS_KEY = Annotated[str | None, typer.Option("--weights-key", help=help_of("weights_key"))]
INPUT = Annotated[list[str] | None, typer.Option("--input", help=help_of("inputs"))]
KEY = Annotated[Path | None, typer.Option("--key", help="Public Ed25519 key (PEM) that must have signed the artifact.")]
OUTPUT_RANGE = Annotated[str | None, typer.Option("--output-range", help=help_of("output_range"))]


def check_signature(artifact: Path, key: Path | None) -> None:
    """What ``KEY`` asks for; nothing where it was not given."""
    if key is not None:
        verify(artifact, key)

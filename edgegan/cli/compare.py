"""``edgegan compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.errors import UsageError

NAME = 44


def compare(
    reference: Annotated[Path, typer.Argument(help="The float artifact, .onnx or .tflite.")],
    other: Annotated[Path, typer.Argument(help="The one to look into, .onnx or .tflite.")],
    threshold: Annotated[
        float, typer.Option("--threshold", help="Signal-to-noise ratio in dB below which a layer is named.")
    ] = 20.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the inputs.")] = 0,
    data: Annotated[Path | None, typer.Option("--data", help="Pictures for an image-to-image generator.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The same inputs through two artifacts, layer by layer: which is the first that differs.

    Example: edgegan compare float.onnx out/g.tflite --threshold 25
    """
    from edgegan.bench.activations import activations
    from edgegan.bench.comparison import compare as run
    from edgegan.bench.comparison import first_below
    from edgegan.core.images import read_images
    from edgegan.core.manifest import manifest_path, read_manifest
    from edgegan.core.sampling import sample_inputs

    described = next((path for path in (other, reference) if manifest_path(path).is_file()), None)
    for path in (reference, other):
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    if described is None:
        raise UsageError(
            f"neither {reference} nor {other} has a manifest beside it, which tells what goes in; compare an artifact "
            "of edgegan compress"
        )
    manifest = read_manifest(described)
    image = next((i for i in manifest.spec.inputs if i.kind == "image"), None)
    images = (
        None
        if data is None or image is None
        else read_images(data, size=(image.shape[1], image.shape[2]), channels=image.shape[0])
    )
    inputs = sample_inputs(manifest.spec.inputs, manifest.batch, seed, images)
    rows = run(activations(reference, inputs), activations(other, inputs))
    first = first_below(rows, threshold)
    if as_json:
        listed = [
            {"tensor": r.tensor, "shape": list(r.shape), "counterpart": r.counterpart, "snr_db": r.snr_db}
            | ({} if r.counterpart else {"snr_db_reason": "the other artifact computes no such tensor"})
            for r in rows
        ]
        print_json(
            {
                "reference": str(reference),
                "other": str(other),
                "threshold_db": threshold,
                "first_below": first.tensor if first else None,
                "tensors": listed,
            }
        )
        return
    table(
        f"{reference} beside {other}",
        ["tensor", "counterpart", "shape", "SNR dB", ""],
        [
            [
                _short(r.tensor),
                _short(r.counterpart or "none"),
                "x".join(map(str, r.shape)),
                "-" if r.snr_db is None else f"{r.snr_db:.1f}",
                "<- first below" if r is first else "",
            ]
            for r in rows
        ],
        left=2,
    )
    typer.echo(
        f"first below {threshold:g} dB: {first.tensor} ({first.snr_db:.1f} dB)"
        if first
        else f"no tensor is below {threshold:g} dB"
    )


def _short(name: str) -> str:
    """The end of a tensor's name, which is what tells it from others."""
    return name if len(name) <= NAME else "..." + name[3 - NAME :]

"""``edgegan evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.console import ConsoleProgress, print_json, table
from edgegan.cli.loading import INPUT, OUTPUT_RANGE, WEIGHTS, WEIGHTS_KEY
from edgegan.core.errors import UsageError
from edgegan.core.spec import parse_range

ANY = Annotated[str, typer.Argument(help="A MODEL as compress takes it, or an artifact with its manifest.")]
INPUTS = Annotated[
    Path | None,
    typer.Option(
        "--inputs", help="Pictures that go into an image-to-image generator; default what ships with the zoo's."
    ),
]


def evaluate(
    model: ANY = "fashion-dcgan",
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Real pictures: folder, .npz, .npy or IDX; default what ships with the zoo's."),
    ] = None,
    inputs: INPUTS = None,
    samples: Annotated[int, typer.Option("--samples", help="Pictures on each side, for each seed.")] = 1000,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="How many seeds the figures and their interval rest on.")
    ] = 3,
    inception_weights: Annotated[
        Path | None,
        typer.Option(
            "--inception-weights", help="torch-fidelity's Inception weights: gives FID itself instead of fd_lite0."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fréchet and kernel distance, precision, recall and score of a generator's pictures against real ones.

    Example: edgegan evaluate fashion-dcgan --samples 1000 --seeds 3
    """
    from edgegan.bench.drawing import open_drawer
    from edgegan.bench.evaluate import evaluate as run
    from edgegan.bench.real_pictures import of_array, open_pictures
    from edgegan.metrics.features import InceptionFeatures, Lite0Features

    span = parse_range(output_range, "--output-range") if output_range else None
    with (
        open_drawer(model, input, span, weights, weights_key, inputs) as drawer,
        ConsoleProgress(quiet=as_json) as progress,
    ):
        real = None if drawer.real is None else of_array(drawer.real)
        if data is not None:
            height, width, channels = drawer.draw(1, 0).shape[1:]
            real = open_pictures(data, (height, width), channels)
        if real is None:
            raise UsageError(f"no real pictures ship with {drawer.name}; pass --data")
        network = Lite0Features() if inception_weights is None else InceptionFeatures(inception_weights)
        evaluation = run(
            drawer,
            real,
            samples,
            list(range(seeds)),
            network,
            "lite0" if inception_weights is None else "inception",
            progress,
        )
    if as_json:
        print_json(evaluation)
        return
    rows = [
        [name, f"{row['mean']:.4g}", f"{row['ci95'][0]:.4g} .. {row['ci95'][1]:.4g}" if row["ci95"] else "one seed"]
        for name, row in evaluation["figures"].items()
    ]
    table(
        f"{evaluation['model']}: {evaluation['samples']} pictures a seed, {seeds} seeds, against "
        f"{evaluation['real']} real ones",
        ["figure", "mean", "95 % interval"],
        rows,
    )
    for warning in evaluation["warnings"]:
        typer.echo(warning)

"""``edgegan show``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from edgegan.cli.console import ConsoleProgress, print_json, table
from edgegan.cli.evaluate import ANY, INPUTS
from edgegan.cli.loading import INPUT, OUTPUT_RANGE, WEIGHTS, WEIGHTS_KEY
from edgegan.core.errors import MissingPackageError, UsageError, nearest
from edgegan.core.images import grid, read_images, write_png
from edgegan.core.spec import parse_range
from edgegan.prune.how import CRITERIA

COLUMNS, STOPS, BETWEEN, DIRECTIONS = 8, 4, 16, 6


def show(
    model: ANY = "fashion-dcgan",
    weights: WEIGHTS = None,
    weights_key: WEIGHTS_KEY = None,
    input: INPUT = None,
    output_range: OUTPUT_RANGE = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Real pictures for the map; default what ships with the zoo's.")
    ] = None,
    inputs: INPUTS = None,
    samples: Annotated[
        int, typer.Option("--samples", min=16, help="Pictures on each side of the map; 64 of them in the grid.")
    ] = 256,
    seed: Annotated[int, typer.Option("--seed", help="Seed of every sample.")] = 0,
    dissect: Annotated[
        bool, typer.Option("--dissect", help="Also what each channel draws, and the picture without it.")
    ] = False,
    units: Annotated[
        int, typer.Option("--units", min=1, help="--dissect: channels of each layer that are switched off.")
    ] = 64,
    prune: Annotated[
        float, typer.Option("--prune", min=0, max=0.95, help="--dissect: tell what pruning this share would take.")
    ] = 0.0,
    criterion: Annotated[
        str, typer.Option("--criterion", help="--prune: by which channels go, as compress has it.")
    ] = "magnitude",
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("out/show"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the files, and why one is missing, as JSON.")] = False,
) -> None:
    """Pictures of what a generator has learned: samples, walks, classes, latent directions, a map beside real ones.

    Example: edgegan show fashion-dcgan --out out/show
    """
    from edgegan.bench.drawing import open_drawer

    if criterion not in CRITERIA:
        raise UsageError(f"--criterion {criterion!r}: {nearest(criterion, CRITERIA)}")
    if prune and not dissect:
        raise UsageError("--prune tells what would go of the channels that --dissect looks at; give both")
    span = parse_range(output_range, "--output-range") if output_range else None
    with (
        open_drawer(model, input, span, weights, weights_key, inputs) as drawer,
        ConsoleProgress(quiet=as_json) as progress,
    ):
        progress.stage("samples")
        written = {"grid": _grid(drawer, seed, out)}
        progress.stage("walks")
        written |= _walks(drawer, seed, out)
        progress.stage("directions")
        written["directions"] = _directions(drawer, seed, out)
        progress.stage("map")
        written["map"] = _map(drawer, data, samples, seed, out)
        rows = None
        if dissect:
            from edgegan.cli.dissected import dissected

            progress.stage("dissect")
            rows = dissected(drawer, prune, criterion, units, seed, out, progress)
            written |= {"dissection": "dissection.png", "dissection units": "dissection.json"}
    if as_json:
        print_json(
            {
                name: {"file": file if (out / file).is_file() else None}
                | ({} if (out / file).is_file() else {"file_reason": file})
                for name, file in written.items()
            }
        )
    else:
        table(str(out), ["picture", "file"], [[name, file] for name, file in written.items()], left=2)
        if rows is not None:
            _print_layers(rows)


def _print_layers(rows: list[dict[str, Any]]) -> None:
    """What each layer's channels draw; of those that pruning would take, how many and what share of what all do."""
    taken = ["removed", "of the effect"] if rows and "removed" in rows[0] else []
    table(
        "what channels draw",
        ["layer", "channels", "most of them", *taken],
        [
            [
                row["layer"].removeprefix("layer_"),
                str(row["channels"]),
                ", ".join(f"{name} {count}" for name, count in list(row["segments"].items())[:4]),
                *([str(row["removed"]), f"{row['removed_effect']:.0%}"] if taken else []),
            ]
            for row in rows
        ],
    )


def _grid(drawer: Any, seed: int, out: Path) -> str:
    if drawer.images is None:
        write_png(out / "grid.png", grid(drawer.draw(64, seed), COLUMNS))
        return "grid.png"
    from edgegan.core.sampling import float_to_image, sample_inputs
    from edgegan.train.plots import side_by_side

    values = sample_inputs(drawer.spec.inputs, 32, seed, drawer.images)
    image = next(i for i in drawer.spec.inputs if i.kind == "image")
    assert image.range is not None
    write_png(
        out / "grid.png",
        grid(side_by_side([float_to_image(values[image.name], image.range), drawer.pictures(values)]), COLUMNS),
    )
    return "grid.png"


def _walks(drawer: Any, seed: int, out: Path) -> dict[str, str]:
    from edgegan.report import walks

    written: dict[str, str] = {}
    if any(i.kind == "latent" for i in drawer.spec.inputs):
        frames = walks.interpolation(drawer, STOPS, BETWEEN, seed)
        write_png(out / "interpolation.png", grid(frames[:: BETWEEN // COLUMNS], COLUMNS))
        walks.write_gif(frames, out / "interpolation.gif")
        written |= {"interpolation": "interpolation.png", "animation": "interpolation.gif"}
    else:
        written["interpolation"] = "there is no latent to walk through"
    rows = walks.classes(drawer, COLUMNS, seed)
    if rows is not None:
        write_png(out / "classes.png", grid(rows, COLUMNS))
    return written | {"classes": "there is no class input" if rows is None else "classes.png"}


def _directions(drawer: Any, seed: int, out: Path) -> str:
    from edgegan.report.directions import direction_strips, latent_directions

    try:
        directions, _ = latent_directions(drawer, DIRECTIONS, seed)
    except UsageError as exc:
        return str(exc)
    write_png(out / "directions.png", grid(direction_strips(drawer, directions, COLUMNS + 1, seed), COLUMNS + 1))
    return "directions.png"


def _map(drawer: Any, data: Path | None, samples: int, seed: int, out: Path) -> str:
    real = drawer.real
    made = drawer.draw(samples, seed)
    if data is not None:
        real = read_images(data, size=made.shape[1:3], channels=made.shape[3])
    if real is None:
        return "no real pictures to set beside the generated ones; pass --data"
    try:
        from edgegan.metrics.features import extract
        from edgegan.report.feature_map import draw_map, plane_positions

        real = real[np.random.default_rng(seed).permutation(len(real))[:samples]]
        positions = plane_positions(extract(real).numpy(), extract(made).numpy(), seed)
    except (ModuleNotFoundError, MissingPackageError) as exc:
        raise MissingPackageError("scikit-learn", "quality", "The map") from exc
    draw_map(positions, len(real), out / "map.png")
    return "map.png"

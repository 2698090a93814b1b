"""``edgegan train``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edgegan.cli.console import ConsoleProgress, print_json
from edgegan.core.errors import MissingPackageError


def train(
    recipe: Annotated[str, typer.Argument(help="A shipped recipe's name, or a TOML file of the same form.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoint, weights, loss curve and samples.")] = Path(
        "runs/train"
    ),
    steps: Annotated[int | None, typer.Option("--steps", help="Instead of the recipe's number of steps.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Instead of the recipe's data.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Instead of the recipe's value of KEY, as TOML has it; repeatable."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin anew, whatever OUT holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the last losses as JSON.")] = False,
) -> None:
    """Train a zoo GAN; an interrupted run of the same recipe resumes. Several GPUs or machines: accelerate launch -m
    edgegan.cli.app train ...

    Example: edgegan train fashion-dcgan --out runs/fashion-dcgan --set lr_generator=1e-4
    """
    from edgegan.train.recipe import changed, load_recipe

    plan = changed(load_recipe(recipe), settings or [])
    changes = {k: v for k, v in (("steps", steps), ("data", data)) if v is not None}
    plan = replace(plan, **changes)  # type: ignore[arg-type]
    try:
        from edgegan.train.loop import read_history
        from edgegan.train.loop import train as run
    except ModuleNotFoundError as exc:
        raise MissingPackageError(str(exc.name), "train", "Training") from exc
    if force:
        for name in ("checkpoint.pt", "losses.json", "losses.png", "samples.png", "generator.safetensors"):
            (out / name).unlink(missing_ok=True)
    with ConsoleProgress(quiet=as_json) as progress:
        weights = run(plan, out, progress)
    if os.environ.get("RANK", "0") != "0":
        return
    history = read_history(out)
    if as_json:
        print_json({"weights": str(weights), "steps": plan.steps, "losses": history[-1]})
    else:
        typer.echo(f"{weights}: {plan.steps} steps; loss curve {out / 'losses.png'}, samples {out / 'samples.png'}")
        typer.echo(f"compress it: edgegan compress {plan.model} --weights {weights} --target x86-cpu")

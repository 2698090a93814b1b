"""``edgegan run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgegan.cli.console import ConsoleProgress, print_json
from edgegan.cli.loading import KEY, check_signature
from edgegan.core.errors import UsageError

STANDARD = "-"


def run(
    artifact: Annotated[Path, typer.Argument(help="The artifact, its manifest beside it.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[INPUT]...",
            help="Pictures, videos, folders of them, camera or camera:N, or - for a picture on standard input.",
        ),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", help="Folder for the results; - writes one picture to standard output.")
    ] = "out/run",
    count: Annotated[
        int, typer.Option("--count", min=1, help="How many samples, of a generator that takes no picture.")
    ] = 4,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of latents and other inputs that are drawn.")] = 0,
    label: Annotated[int | None, typer.Option("--class", min=0, help="The class of every sample.")] = None,
    fixed: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An input at one value for all samples.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option("--truncation", help="Draw latents again while they are larger than this.")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", help="Of pictures: png (lossless), jpg, webp, tif or bmp.")
    ] = "png",
    fit: Annotated[
        str,
        typer.Option(
            "--fit",
            help="Pictures of another size than the artifact's: tile, resize (there and back), letterbox or crop; auto "
            "tiles where the manifest says that tiles do not show.",
        ),
    ] = "auto",
    overlap: Annotated[
        int | None,
        typer.Option("--overlap", min=0, help="Pixels at inner borders of tiles that are not used; default measured."),
    ] = None,
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="At most so many of a video or camera.")] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads; default all that this process may use.")
    ] = None,
    key: KEY = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written and skipped as JSON.")] = False,
) -> None:
    """Samples of a generator, or pictures, folders, videos and a camera through it, as files.

    Ends with exit code 2 where an input could not be read; the others are done.

    Example: edgegan run out/g.tflite --count 16 --seed 0 --out samples

    Example: edgegan run out/g.tflite photo.jpg holiday/ clip.mp4 --out large
    """
    from edgegan.media.fit import fitting
    from edgegan.media.jobs import jobs
    from edgegan.media.pictures import format_of
    from edgegan.media.work import sample, translate
    from edgegan.runtime import load
    from edgegan.runtime.tried import try_first

    format = format.lstrip(".").lower()
    format_of(format)
    work = jobs(inputs or [])
    if out == STANDARD and (as_json or len(work) != 1):
        raise UsageError("--out -: takes one input, and no --json")
    check_signature(artifact, key)
    try_first(artifact)
    with load(artifact, threads=threads, key=key) as generator, ConsoleProgress(quiet=as_json) as progress:
        takes_pictures = any(i.kind == "image" for i in generator.inputs)
        if takes_pictures != bool(work):
            raise UsageError(
                "this generator takes a picture: name pictures, folders or videos"
                if takes_pictures
                else f"{work[0].name}: this generator takes no picture; give --count and --seed"
            )
        progress.stage("run")
        if takes_pictures:
            way, notes = fitting(generator, fit, overlap, seed)
            done = translate(way, work, None if out == STANDARD else Path(out), format, progress, frames)
            done.notes[:0] = notes
        else:
            values = _fixed(generator, fixed or [], label)
            done = sample(generator, count, seed, Path(out), format, progress, truncation, values)
    if as_json:
        print_json(done.to_json())
    elif out != STANDARD:
        _tell(done, out)
    if done.skipped:
        first = done.skipped[0]
        raise UsageError(
            f"{len(done.skipped)} of {max(len(work), 1)} inputs could not be read, first {first['input']}: "
            f"{first['reason']}"
        )


def _tell(done: Any, out: str) -> None:
    for note in done.notes:
        typer.echo(note)
    speed = f", {done.images_per_second:.3g} a second" if done.images_per_second else ""
    typer.echo(f"{done.images} images in {len(done.written)} files in {out}{speed}")


def _fixed(generator: Any, given: list[str], label: int | None) -> dict[str, Any]:
    """Inputs by name that are the same for all samples."""
    values: dict[str, Any] = {}
    if label is not None:
        spec = next((i for i in generator.inputs if i.kind in ("label", "onehot")), None)
        if spec is None:
            raise UsageError("--class: this generator takes no class")
        values[spec.name] = label
    for text in given:
        name, is_given, value = text.partition("=")
        if not is_given:
            raise UsageError(f"--set {text}: write NAME=VALUE, such as strength=0.5")
        try:
            values[name] = float(value)
        except ValueError:
            raise UsageError(f"--set {text}: {value!r} is not a number") from None
    return values

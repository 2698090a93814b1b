"""``edgegan search``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgegan.cli.console import ConsoleProgress, print_json, table
from edgegan.cli.reports import number
from edgegan.cli.stages import options_given, takes
from edgegan.core.errors import MissingPackageError, UsageError

TRIALS = Annotated[int, typer.Option("--trials", min=1, help="Trials that the study is to have in the end.")]
QUALITY = Annotated[
    str,
    typer.Option("--quality", help="fd, the distance of sets of pictures, or psnr to the original."),
]
STORAGE = Annotated[
    str | None,
    typer.Option("--storage", help="URL of a database that several machines share; default in OUT."),
]
RAY = Annotated[
    str | None,
    typer.Option("--ray", help="Run the trials on this Ray cluster: auto, HOST:PORT or ray://HOST:PORT."),
]
PICK = Annotated[int | None, typer.Option("--pick", help="Write the artifact of this trial to OUT.")]
JSON = Annotated[bool, typer.Option("--json", help="Print search.json.")]
FIXED = ("prune", "macs_ratio", "max_latency_ms", "max_bytes", "criterion", "allocation", "precision", "time_budget")
"""What trials decide, or what makes them unlike each other."""
QUALITIES = {"fd": "fd_lite0", "psnr": "psnr_db"}


@takes(
    "compress",
    without=FIXED,
    trials=(TRIALS, 20),
    quality=(QUALITY, "fd"),
    storage=(STORAGE, None),
    ray=(RAY, None),
    pick=(PICK, None),
    as_json=(JSON, False),
)
def search(given: dict[str, Any]) -> None:
    """The front of latency (or energy) and quality over how much to prune, where, and in which precision.

    Stops and goes on: a second call adds what trials are missing.

    Example: edgegan search fashion-dcgan --target mobile --trials 20 --out out/search
    """
    if given["quality"] not in QUALITIES:
        raise UsageError(f"--quality {given['quality']}: one of {', '.join(QUALITIES)}")
    with ConsoleProgress(quiet=given["as_json"]) as progress:
        try:
            from edgegan.compress import prepared_options
            from edgegan.search import result, study
        except ModuleNotFoundError as exc:
            raise MissingPackageError(str(exc.name), "compress", "Compressing a model") from exc
        options = prepared_options(**options_given(given))
        cost = "energy_mj" if options.prefer == "energy" else "latency_ms" if options.times else "macs"
        wanted = study.Search(
            options, given["trials"], cost, QUALITIES[given["quality"]], given["storage"], given["ray"]
        )
        trials = study.run(wanted, progress)
    content = result.write(wanted, trials, options.model)
    if given["as_json"]:
        print_json(content)
    else:
        _print(content, given)
    if given["pick"] is not None:
        name = result.pick(wanted, trials, given["pick"])
        if not given["as_json"]:
            typer.echo(f"trial {given['pick']} is {options.out / name}")


def _print(content: Any, given: dict[str, Any]) -> None:
    rows = [
        [
            str(row["number"]),
            f"{row['params']['prune']:.2f}",
            row["params"]["criterion"],
            row["params"]["precision"],
            "-" if row["latency_ms"] is None else f"{row['latency_ms']:.3f}",
            "-" if row["macs"] is None else f"{row['macs'] / 1e6:.2f}",
            number(row["psnr_db"]),
            number(row["fd_lite0"]),
            "FRONT" if row["number"] in content["front"] else row["state"],
        ]
        for row in content["trials"]
    ]
    heads = ["trial", "pruned", "criterion", "precision", "p50 ms", "MACs M", "PSNR dB", "fd_lite0", "state"]
    table(f"{content['model']} for {content['target']}", heads, rows)
    typer.echo(f"page: {given['out'] / 'search.html'}   figures: {given['out'] / 'search.json'}")

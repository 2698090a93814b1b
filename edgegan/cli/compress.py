"""``edgegan compress``, and its stages one by one: ``prune``, ``quantize``, ``export``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgegan.cli.console import ConsoleProgress, print_json, table
from edgegan.cli.reports import number, print_report, read_report
from edgegan.cli.stages import options_given, takes
from edgegan.core.errors import GateError, MissingPackageError
from edgegan.core.target import load_target

JSON = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
SENSITIVITY = Annotated[
    bool,
    typer.Option(
        "--sensitivity",
        help="Instead of building all: what each layer loses alone in int8, and what that saves; OUT/sensitivity.json "
        "and .png.",
    ),
]


@takes("compress", as_json=(JSON, False))
def compress(given: dict[str, Any]) -> None:
    """The whole pipeline: prune, quantize, export, measure, choose; writes an output folder.

    Example: edgegan compress fashion-dcgan --target jetson-orin --prune 0.5 --out out
    """
    try:
        report = _run("measure", given)
    except GateError:
        if not given["as_json"]:
            print_report(read_report(given["out"]), given["out"])
        raise
    if given["as_json"]:
        print_json(report.content)
    else:
        print_report(report.content, given["out"] if not report.folders else report.folders[0])
        if report.folders:
            typer.echo(f"one for each number of samples: {', '.join(map(str, report.folders))}")


@takes("prune", as_json=(JSON, False))
def prune(given: dict[str, Any]) -> None:
    """Remove channels and distil from the original; writes OUT/stages/pruned.pt2, which compress goes on from.

    Example: edgegan prune fashion-dcgan --target x86-cpu --prune 0.5 --out out
    """
    instead = {} if given["macs_ratio"] is None else {"prune": 0.0}
    _stage("prune", given | instead)


@takes("quantize", sensitivity=(SENSITIVITY, False), as_json=(JSON, False))
def quantize(given: dict[str, Any]) -> None:
    """Calibrate and build the int8 candidates of a target; writes OUT/stages/candidates, which compress goes on from.

    Example: edgegan quantize fashion-dcgan --target mobile --calibration-samples 256 --out out
    """
    precision = "int8" if "int8" in load_target(given["target"]).precisions else "auto"
    given = given | {"precision": precision}
    if given["sensitivity"]:
        _sensitivity(given)
    else:
        _stage("quantize", given)


@takes("export", as_json=(JSON, False))
def export(given: dict[str, Any]) -> None:
    """Build every candidate of a target without measuring; writes OUT/stages/candidates, which compress goes on from.

    Example: edgegan export fashion-dcgan --target rtx-40 --precision fp16 --out out
    """
    _stage("export", given)


def _run(until: str, given: dict[str, Any]) -> Any:
    from edgegan.compress import compress as run

    with ConsoleProgress(quiet=given["as_json"]) as progress:
        try:
            return run(progress=progress, until=until, **options_given(given))
        except ModuleNotFoundError as exc:
            raise MissingPackageError(str(exc.name), "compress", "Compressing a model") from exc


def _stage(until: str, given: dict[str, Any]) -> None:
    report = _run(until, given)
    if given["as_json"]:
        print_json(report.content)
        return
    rows = [[s["name"], f"{s['seconds']:.1f}", "; ".join(s["notes"])] for s in report.content["stages"]]
    table("stages", ["stage", "seconds", "notes"], rows)
    typer.echo(
        f"stage files are in {given['out'] / 'stages'}; edgegan compress with the same options goes on from them"
    )


def _sensitivity(given: dict[str, Any]) -> None:
    sensitivity = _run("sensitivity", given).content["sensitivity"]
    if given["as_json"]:
        print_json(sensitivity)
        return
    rows = [
        [
            row["layer"],
            row["operator"],
            "x".join(map(str, row["shape"])),
            f"{row['macs'] / 1e6:.2f}",
            f"{row['psnr_db']:.1f}",
            number(row["fd_lite0"]),
            "-" if row["saves_ms"] is None else f"{row['saves_ms']:+.3f}",
        ]
        for row in sensitivity["layers"]
    ]
    table(
        f"{sensitivity['model']} for {sensitivity['target']}: each layer alone in int8 ({sensitivity['candidate']})",
        ["layer", "operator", "output", "MACs M", "PSNR dB", "fd_lite0", "saves ms"],
        rows,
        left=3,
    )
    typer.echo(f"chart: {given['out'] / 'sensitivity.png'}   figures: {given['out'] / 'sensitivity.json'}")

"""``edgegan bench``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.errors import GateError, UsageError

CONDITION = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*(>=|<=|==|>|<)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$")
HOLDS = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
}


def bench(
    engine: Annotated[Path, typer.Option("--engine", help="The artifact, its manifest beside it.")],
    compare: Annotated[list[Path] | None, typer.Option("--compare", help="Further artifacts to measure.")] = None,
    others: Annotated[list[Path] | None, typer.Argument(help="More artifacts for --compare.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures here; - prints them.")] = None,
    fail_if: Annotated[
        list[str] | None, typer.Option("--fail-if", help="Exit 7 when it holds, such as 'latency_ms.p50>5'.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Another artifact of the same network: PSNR and SSIM against its pictures."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Real images: fd_lite0 and kid_lite0 against them.")
    ] = None,
    samples: Annotated[int, typer.Option("--samples", help="Pictures for the quality figures.")] = 256,
    seconds: Annotated[float, typer.Option("--seconds", help="Least time of timed calls.")] = 3.0,
    power_seconds: Annotated[
        float, typer.Option("--power-seconds", help="Least time of calls whose energy is measured; 0 leaves it out.")
    ] = 10.0,
    power_command: Annotated[
        str | None, typer.Option("--power-command", help="A command that prints watts, for a meter of your own.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads; default all that this process may use.")
    ] = None,
) -> None:
    """Latency, throughput, memory, power and quality of an artifact on this machine.

    Example: edgegan bench --engine out/g.tflite --fail-if 'latency_ms.p50>5'
    """
    from edgegan.bench.single import bench as measure
    from edgegan.bench.single import quality

    conditions = [parse_condition(text) for text in fail_if or []]
    files = [engine, *(compare or []), *(others or [])]
    rows = []
    for file in files:
        row = measure(file, threads, seconds, power_seconds=power_seconds, power_command=power_command)
        rows.append(row | quality(file, reference, data, samples, threads))
    figures = rows[0] | ({"compared": rows[1:]} if len(rows) > 1 else {})
    if json_out is not None and str(json_out) != "-":
        from edgegan.core.files import write_json

        write_json(json_out, figures)
    if str(json_out) == "-":
        print_json(figures)
    else:
        _print(files, rows)
    for text, path, holds, bound in conditions:
        value = _lookup(rows[0], path)
        if holds(value, bound):
            raise GateError(f"--fail-if {text!r} holds: {path} is {value:g}")


def parse_condition(text: str) -> tuple[str, str, Any, float]:
    """``field.field OP number`` -> (text, field path, comparison, number); UsageError where it is not of that form."""
    match = CONDITION.match(text)
    if not match:
        raise UsageError(f"--fail-if {text!r} is not a condition; write it like 'latency_ms.p50>5'")
    return text, match[1], HOLDS[match[2]], float(match[3])


def _lookup(row: dict[str, Any], path: str) -> float:
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UsageError(
                f"--fail-if: there is no figure {path!r}; for example latency_ms.p50, memory.peak_rss_mib, "
                "throughput_ips"
            )
        value = value[part]
    if not isinstance(value, int | float):
        raise UsageError(f"--fail-if: {path!r} is {'not measured' if value is None else 'not a number'} here")
    return float(value)


def _print(files: list[Path], rows: list[dict[str, Any]]) -> None:
    columns = [
        "artifact",
        "backend",
        "precision",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "cv",
        "images/s",
        "load ms",
        "first ms",
        "peak MiB",
        "file MiB",
        "W",
        "mJ/image",
        "PSNR dB",
        "fd_lite0",
    ]
    lines = []
    for file, row in zip(files, rows, strict=True):
        latency, memory, quality = row["latency_ms"], row["memory"], row["quality"] or {}
        lines.append(
            [
                str(file),
                row["backend"],
                row["precision"],
                f"{latency['p50']:.3f}",
                f"{latency['p95']:.3f}",
                f"{latency['p99']:.3f}",
                f"{latency['cv']:.1%}",
                f"{row['throughput_ips']:.0f}",
                f"{row['load_ms']:.1f}",
                f"{row['first_inference_ms']:.2f}",
                f"{memory['peak_rss_mib']:.0f}",
                f"{memory['artifact_mib']:.2f}",
                _number((row["power"] or {}).get("gross_w")),
                _number((row["power"] or {}).get("energy_mj_per_inference")),
                _number(quality.get("psnr_db")),
                _number(quality.get("fd_lite0")),
            ]
        )
    table("bench", columns, lines, left=3)
    for row in rows:
        for warning in row["warnings"]:
            typer.echo(f"{row['artifact']}: {warning}")
        if (power := row["power"]) is None:
            typer.echo(f"{row['artifact']}: power not measured: {row['power_reason']}")
        else:
            typer.echo(f"{row['artifact']}: {_energy(power)}")
        if row["quality"] is None:
            typer.echo(f"{row['artifact']}: quality not measured: {row['quality_reason']}")


def _energy(power: dict[str, Any]) -> str:
    return (
        f"{power['gross_w']:.2f} W, {power['net_w']:.2f} above rest, peak {power['peak_w']:.2f}; "
        f"{power['energy_mj_per_inference']:.2f} +- {power['energy_mj_per_inference_std']:.2f} mJ an image, "
        f"{power['net_energy_mj_per_inference']:.2f} above rest; {power['images_per_joule']:.3g} images a joule, over "
        f"{power['seconds']:.0f} s of {power['scope']}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

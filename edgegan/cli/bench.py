"""``edgegan bench``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgegan.cli.console import print_json, table
from edgegan.core.errors import GateError, UsageError
from edgegan.core.files import disk_errors, write_bytes, write_json

if TYPE_CHECKING:
    from edgegan.bench.gate import Check


def bench(
    engine: Annotated[Path, typer.Option("--engine", help="The artifact, its manifest beside it.")],
    compare: Annotated[list[Path] | None, typer.Option("--compare", help="Further artifacts to measure.")] = None,
    others: Annotated[list[Path] | None, typer.Argument(help="More artifacts for --compare.")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the figures here; - prints them.")] = None,
    fail_if: Annotated[
        list[str] | None, typer.Option("--fail-if", help="Exit 7 when it holds, such as 'latency_ms.p50>5'.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", help="An earlier run's figures (--json, or report.json): exit 7 if these are worse."
        ),
    ] = None,
    max_regression: Annotated[
        str, typer.Option("--max-regression", help="By how much a figure may be worse than the baseline's.")
    ] = "5%",
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the checks here as JUnit XML.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", help="Add the checks here as a Markdown table."),
    ] = None,
    sweep_threads: Annotated[
        str | None, typer.Option("--sweep-threads", help="Time it with each of these too, such as 1,2,4.")
    ] = None,
    in_browser: Annotated[
        bool, typer.Option("--in-browser", help="Time it in a headless Chromium too, and compare its pictures there.")
    ] = False,
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
    from edgegan.bench.gate import conditions, parse_condition, parse_share, read_baseline, regressions
    from edgegan.bench.single import bench as measure
    from edgegan.bench.single import quality, ratios

    for text in fail_if or []:
        parse_condition(text)
    share, counts = parse_share(max_regression), _counts(sweep_threads)
    before = None if baseline is None else read_baseline(baseline)
    files = [engine, *(compare or []), *(others or [])]
    rows = []
    start = time.monotonic()
    for file in files:
        row = measure(file, threads, seconds, power_seconds=power_seconds, power_command=power_command)
        rows.append(row | quality(file, reference, data, samples, threads))
    if len(files) > 1:
        rows = [rows[0], *(row | ratio for row, ratio in zip(rows[1:], ratios(files, threads), strict=True))]
    if in_browser:
        from edgegan.bench.single import in_browser as seen

        rows = [row | {"in_browser": there} for row, there in zip(rows, seen(files, threads, seconds), strict=True)]
    if counts:
        from edgegan.bench.sweep import thread_sweep

        rows[0]["sweep"] = thread_sweep(engine, counts)
    checks = conditions(rows[0], fail_if or [])
    checks += [] if before is None else regressions(rows[0], before, share)
    figures = rows[0] | ({"compared": rows[1:]} if len(rows) > 1 else {})
    if json_out is not None and str(json_out) != "-":
        write_json(json_out, figures)
    if str(json_out) == "-":
        print_json(figures)
    else:
        _print(files, rows)
    _tell(checks, rows[0]["model"], junit, markdown, time.monotonic() - start)


def _counts(text: str | None) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")] if text else []
    except ValueError:
        counts = [0]
    if any(count < 1 for count in counts):
        raise UsageError(f"--sweep-threads {text!r}: write numbers of threads with commas between, such as 1,2,4")
    return counts


def _tell(checks: list[Check], suite: str, junit: Path | None, markdown: Path | None, seconds: float) -> None:
    """Write the checks where that was asked for. Raises GateError where one failed."""
    from edgegan.bench import ci

    if junit is not None:
        write_bytes(junit, ci.junit(suite, checks, seconds))
    if markdown is not None:
        with disk_errors(markdown), markdown.open("a", encoding="utf-8") as stream:
            stream.write(ci.markdown(suite, checks))
    for check in checks:
        if check.note:
            typer.echo(f"note: {check.note}", err=True)
    failures = [check.failure for check in checks if check.failure]
    if failures:
        raise GateError("\n".join(failures))


def _print(files: list[Path], rows: list[dict[str, Any]]) -> None:
    columns = [
        "artifact",
        "backend",
        "precision",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "times as fast",
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
                _ratio(row),
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
    if sweep := rows[0].get("sweep"):
        cells = [[str(s["threads"]), f"{s['latency_ms']['p50']:.3f}", f"{s['throughput_ips']:.0f}"] for s in sweep]
        table("threads", ["threads", "p50 ms", "images/s"], cells, left=0)
    for row in rows:
        if there := row.get("in_browser"):
            typer.echo(f"{row['artifact']}: {_browser(there)}")
        for warning in row["warnings"]:
            typer.echo(f"{row['artifact']}: {warning}")
        if (power := row["power"]) is None:
            typer.echo(f"{row['artifact']}: power not measured: {row['power_reason']}")
        else:
            typer.echo(f"{row['artifact']}: {_energy(power)}")
        if row["quality"] is None:
            typer.echo(f"{row['artifact']}: quality not measured: {row['quality_reason']}")


def _ratio(row: dict[str, Any]) -> str:
    if "ratio" not in row:
        return "-"
    low, high = row["ratio_interval"]
    return f"{row['ratio']:.3f} ({low:.3f} to {high:.3f})"


def _browser(there: dict[str, Any]) -> str:
    if there["latency_ms"] is None:
        return f"does not run in {there['browser']}: {there['latency_ms_reason']}"
    return (
        f"p50 {there['latency_ms']['p50']:.3f} ms in {there['browser']}, loaded in {there['load_ms']:.0f} ms, its "
        f"pictures {there['psnr_db']:.1f} dB to those drawn here"
    )


def _energy(power: dict[str, Any]) -> str:
    return (
        f"{power['gross_w']:.2f} W, {power['net_w']:.2f} above rest, peak {power['peak_w']:.2f}; "
        f"{power['energy_mj_per_inference']:.2f} +- {power['energy_mj_per_inference_std']:.2f} mJ an image, "
        f"{power['net_energy_mj_per_inference']:.2f} above rest; {power['images_per_joule']:.3g} images a joule, over "
        f"{power['seconds']:.0f} s of {power['scope']}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

"""``edgegan bench``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgegan.cli.bench_rows import print_rows
from edgegan.cli.console import ConsoleProgress, print_json
from edgegan.cli.loading import KEY, check_signature
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
    copies: Annotated[
        bool,
        typer.Option(
            "--copies/--no-copies", help="Whether the latency holds copies of inputs and outputs.", show_default="with"
        ),
    ] = True,
    scenarios: Annotated[
        bool, typer.Option("--scenarios", help="Run MLPerf's single-stream and offline scenarios too.")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="Time of each layer too, by the vendor's own profiler.")
    ] = False,
    sweep_threads: Annotated[
        str | None, typer.Option("--sweep-threads", help="Time it with each of these numbers of threads too: 1,2,4.")
    ] = None,
    sweep_batch: Annotated[
        str | None,
        typer.Option("--sweep-batch", help="Time it with each of these numbers of samples a call too: 1,4,16."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the figures here as a page, with plots.")] = None,
    in_browser: Annotated[
        bool, typer.Option("--in-browser", help="Time it in a headless Chromium too, and compare its pictures there.")
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", help="Another artifact of the same network: PSNR and SSIM against its pictures."),
    ] = None,
    key: KEY = None,
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
    from edgegan.bench.against import quality
    from edgegan.bench.gate import conditions, parse_condition, parse_share, read_baseline, regressions
    from edgegan.bench.single import bench as measure
    from edgegan.bench.single import in_browser as seen
    from edgegan.bench.single import ratios

    for text in fail_if or []:
        parse_condition(text)
    share = parse_share(max_regression)
    thread_counts, batch_counts = _counts("--sweep-threads", sweep_threads), _counts("--sweep-batch", sweep_batch)
    before = None if baseline is None else read_baseline(baseline)
    files = [engine, *(compare or []), *(others or [])]
    for file in files:
        check_signature(file, key)
    rows = []
    start = time.monotonic()
    with ConsoleProgress() as progress:
        for file in files:
            progress.stage(file.name)
            row = measure(
                file, threads, seconds, power_seconds=power_seconds, power_command=power_command, copies=copies
            )
            rows.append(row | quality(file, reference, data, samples, threads))
        if len(files) > 1:
            progress.stage("in turns")
            rows = [rows[0], *(row | ratio for row, ratio in zip(rows[1:], ratios(files, threads), strict=True))]
        if in_browser:
            progress.stage("in the browser")
            rows = [row | {"in_browser": there} for row, there in zip(rows, seen(files, threads, seconds), strict=True)]
        if thread_counts or batch_counts:
            from edgegan.bench.sweep import sweep

            progress.stage("sweep")
            used, batch = rows[0]["environment"]["threads"], rows[0]["batch"]
            rows[0]["sweep"] = sweep(engine, thread_counts or [used], batch_counts or [batch], progress.step)
        if profile:
            progress.stage("profile")
            rows = [row | _profile(file, row, seconds) for file, row in zip(files, rows, strict=True)]
        if scenarios:
            from edgegan.bench.scenarios import scenarios as run_scenarios

            progress.stage("scenarios")
            rows = [
                row | {"scenarios": run_scenarios(file, row["environment"]["threads"], seconds)}
                for file, row in zip(files, rows, strict=True)
            ]
    checks = conditions(rows[0], fail_if or [])
    checks += [] if before is None else regressions(rows[0], before, share)
    figures = rows[0] | ({"compared": rows[1:]} if len(rows) > 1 else {})
    if json_out is not None and str(json_out) != "-":
        write_json(json_out, figures)
    if html is not None:
        from edgegan.report.html import write_bench

        write_bench(figures, html)
    if str(json_out) == "-":
        print_json(figures)
    else:
        print_rows(files, rows)
    _tell(checks, rows[0]["model"], junit, markdown, time.monotonic() - start)


def _profile(file: Path, row: dict[str, Any], seconds: float) -> dict[str, Any]:
    from edgegan.bench.profile.run import profile

    found, reason = profile(file, row["environment"]["threads"], seconds)
    return {"profile": found} | ({} if reason is None else {"profile_reason": reason})


def _counts(option: str, text: str | None) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")] if text else []
    except ValueError:
        counts = [0]
    if any(count < 1 for count in counts):
        raise UsageError(f"{option} {text!r}: write numbers with commas between, such as 1,2,4")
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

"""A report in a few lines of the console."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from edgegan.cli.console import table


def read_report(out: Path) -> dict[str, Any]:
    """The report that a run left in its folder."""
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def print_report(report: Mapping[str, Any], out: Path) -> None:
    """The candidates as a table, then the choice in one line."""
    result, base = report["result"], report["baseline"]
    rows = [_cells("plain conversion", base, "baseline")]
    for row in report["candidates"]:
        chosen = result is not None and row["name"] == result["name"]
        rows.append(_cells(row["name"], row, "CHOSEN" if chosen else "passes" if row["passed"] else row["reason"]))
    table(
        f"{report['model']} for {report['target']}",
        ["candidate", "p50 ms", "PSNR dB", "fd_lite0", "KiB", "MACs M", "verdict"],
        rows,
    )
    for warning in report["warnings"]:
        typer.echo(f"note: {warning}")
    if result is not None:
        speed = (
            f", {result['speedup']:.1f}x faster than the plain conversion"
            if result["speedup"]
            else ", latency not measured: " + result.get("latency_ms_reason", "")
        )
        typer.echo(
            f"{out / result['artifact']}: {result['backend']} {result['precision']}, "
            f"{result['quality']['psnr_db']:.1f} dB{speed}"
        )
        typer.echo(f"report: {out / 'report.html'}   pictures: {out / 'samples.png'}")
        if result["artifact"].endswith(".edgegan"):
            typer.echo("next, on the device: edgegan build g.edgegan --out engine")


def _cells(name: str, row: dict[str, Any], verdict: str) -> list[str]:
    quality, latency = row["quality"], row["latency_ms"]
    return [
        name,
        f"{latency['p50']:.3f}" if latency else "-",
        number(quality["psnr_db"]),
        number(quality["fd_lite0"]),
        f"{row['bytes'] / 1024:.0f}" if row["bytes"] else "-",
        f"{row['macs'] / 1e6:.2f}",
        verdict,
    ]


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"

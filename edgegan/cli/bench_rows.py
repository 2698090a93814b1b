"""What ``edgegan bench`` prints for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from edgegan.cli.console import table

HEAVIEST = 12
"""Layers of a profile that are printed, those that take most."""


def print_rows(files: list[Path], rows: list[dict[str, Any]]) -> None:
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
    if swept := rows[0].get("sweep"):
        cells = [
            [str(s["threads"]), str(s["batch"]), f"{s['latency_ms']['p50']:.3f}", f"{s['throughput_ips']:.0f}"]
            for s in swept
        ]
        table("sweep", ["threads", "samples a call", "p50 ms", "images/s"], cells, left=0)
    for row in rows:
        if row.get("scenarios"):
            _print_scenarios(row)
        if row.get("profile"):
            _print_profile(row)
    for row in rows:
        if there := row.get("in_browser"):
            typer.echo(f"{row['artifact']}: {_browser(there)}")
        if row.get("profile_reason"):
            typer.echo(f"{row['artifact']}: layers not measured: {row['profile_reason']}")
        typer.echo(f"{row['artifact']}: {_split(row)}")
        for warning in row["warnings"]:
            typer.echo(f"{row['artifact']}: {warning}")
        if (power := row["power"]) is None:
            typer.echo(f"{row['artifact']}: power not measured: {row['power_reason']}")
        else:
            typer.echo(f"{row['artifact']}: {_energy(power)}")
        if row["quality"] is None:
            typer.echo(f"{row['artifact']}: quality not measured: {row['quality_reason']}")
    own = rows[0]["harness"]
    typer.echo(
        f"timed by {own['clock']}, which tells {own['clock_resolution_us']:.3g} us apart; the harness takes "
        f"{own['overhead_us']:.2g} us a call"
    )


def _print_scenarios(row: dict[str, Any]) -> None:
    single, cells = row["scenarios"]["single_stream"], []
    bound = single["p90_bound_ms"]
    shown = "-" if bound is None else f"{bound:.3f}"
    cells.append(["single stream", "1", str(row["environment"]["threads"]), f"{single['p90_ms']:.3f}", shown, "-"])
    for found in row["scenarios"]["offline"]:
        sessions, threads = str(found["sessions"]), str(found["threads_per_session"])
        cells.append(["offline", sessions, threads, "-", "-", f"{found['throughput_ips']:.0f}"])
    columns = ["scenario", "sessions", "threads each", "p90 ms", "below, at 99 %", "images/s"]
    table(f"{row['artifact']}: MLPerf's scenarios", columns, cells)


def _print_profile(row: dict[str, Any]) -> None:
    profile = row["profile"]
    layers = sorted(profile["layers"], key=lambda layer: -layer["ms"])
    cells = [[layer["name"], layer["operator"], f"{layer['ms']:.4f}", f"{layer['share']:.1%}"] for layer in layers]
    told = f"{row['artifact']}: {profile['source']}, {profile['sum_ms']:.3f} ms in layers of {profile['whole_ms']:.3f}"
    table(told, ["layer", "operator", "ms", "share"], cells[:HEAVIEST], left=2)
    if len(cells) > HEAVIEST:
        rest = sum(layer["share"] for layer in layers[HEAVIEST:])
        typer.echo(f"{row['artifact']}: {len(cells) - HEAVIEST} more layers, {rest:.1%} together")


def _split(row: dict[str, Any]) -> str:
    split, device = row["split"], row["split"]["device_ms"]
    told = f"computes {split['compute_ms']:.3f} ms of {split['call_ms']:.3f}, copies and Python take the rest"
    return told if device is None else f"{told}; {device['p50']:.3f} ms by the GPU's clock"


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

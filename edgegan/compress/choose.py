"""The gate and the choice: the fastest candidate that passes; where nothing was timed, the target's order of
precisions."""

from __future__ import annotations

from typing import Any

from edgegan.core.target import Target

EXACT = 50.0
"""Decibels that float32 has on every backend which computes what the network says: rounding leaves 75 and more, a
picture of bytes 59."""


def judge(row: dict[str, Any], min_psnr: float) -> tuple[bool, str]:
    """Whether a candidate passes the paired gate, and why not (or by how much)."""
    if row["error"]:
        return False, row["error"]
    psnr = row["quality"]["psnr_db"]
    if psnr is None:
        return False, "its pictures could not be measured"
    if psnr < min_psnr:
        return False, f"PSNR {psnr:.1f} dB is below the gate of {min_psnr:g} dB"
    return True, f"PSNR {psnr:.1f} dB"


def inexact(rows: list[dict[str, Any]]) -> list[str]:
    """A warning for each float32 file that computes something else than the network."""
    off = [
        (row["name"], row["quality"]["psnr_db"])
        for row in rows
        if row.get("precision", "fp32") == "fp32" and row["quality"]["psnr_db"] is not None
    ]
    return [
        f"WARNING: {name} has {psnr:.1f} dB although it is float32: its backend's converter or kernels compute "
        "something else"
        for name, psnr in off
        if psnr < EXACT
    ]


def ranked(rows: list[dict[str, Any]], target: Target) -> list[dict[str, Any]]:
    """Passing candidates, the best first."""
    passing = [row for row in rows if row["passed"]]
    timed = [row for row in passing if row["latency_ms"]]
    if timed:
        return sorted(timed, key=lambda row: row["latency_ms"]["p50"])
    return sorted(
        passing,
        key=lambda row: (target.precisions.index(row["precision"]), bool(row["precision_exceptions"]), row["bytes"]),
    )

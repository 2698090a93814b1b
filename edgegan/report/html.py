"""report.html: one self-contained page, the pictures inside it, readable without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from edgegan.core.files import write_bytes

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid #d8dee4;font-variant-numeric:tabular-nums}
th:first-child,td:first-child,td:last-child,th:last-child{text-align:left}tr.chosen{background:#e8f5e9;font-weight:600}
tr.failed{color:#8b949e}
.figures{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0}
.figures div{border:1px solid #d8dee4;border-radius:8px;padding:.6rem 1rem}
.figures b{display:block;font-size:1.4rem}
.warn{background:#fff4e5;border-left:4px solid #e8a33d;padding:.5rem 1rem}
img{max-width:100%}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}
th,td{border-color:#30363d}
tr.chosen{background:#12351d}
.figures div{border-color:#30363d}
.warn{background:#3a2c12}}
"""


def write_html(report: Mapping[str, Any], samples: Path | None, path: Path, sound: Path | None = None) -> None:
    """Write the page of ``report``, a ``schemas.Report``; ``samples`` is a PNG and ``sound`` a WAV of what the networks
    give."""
    result, baseline = report["result"], report["baseline"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f"content='width=device-width'><title>EdgeGAN: {escape(report['model'])}</title><style>{STYLE}</style>",
        f"<h1>{escape(report['model'])} for {escape(report['target'])}</h1>",
        f"<p>{escape(report['environment']['cpu'])}, {report['environment']['threads']} threads, seed "
        f"{report['seed']}</p>",
        *[f"<p class=warn>{escape(w)}</p>" for w in report["warnings"]],
        _headline(result, baseline) if result else "<p class=warn><b>No candidate passed the gate.</b></p>",
        "<h2>Pictures</h2><p>Each pair of rows: the original above, the compressed network below, for the same "
        "input.</p>" + _picture(samples)
        if samples
        else "",
        _player(sound) if sound else "",
        "<h2>Candidates</h2>" + _table(report["candidates"], baseline, result),
        _plot(report["candidates"], result),
        "<h2>Stages</h2>" + _stages(report["stages"]),
    ]
    write_bytes(path, "\n".join(parts).encode())


COLUMNS = (
    "candidate", "precision", "p50 ms", "p99 ms", "mJ/image", "size", "PSNR dB", "SSIM", "LPIPS", "fd_lite0", "verdict",
)  # fmt: skip


def _headline(result: Mapping[str, Any], baseline: Mapping[str, Any]) -> str:
    quality = result["quality"]
    figures = [
        ("latency, p50", _ms(result["latency_ms"])),
        ("speedup over the plain conversion", f"{result['speedup']:.1f}x" if result["speedup"] else "not measured"),
        ("size", f"{_kib(baseline['bytes'])} → {_kib(result['bytes'])}"),
        ("multiply-accumulates", f"{baseline['macs'] / 1e6:.1f} M → {result['macs'] / 1e6:.1f} M"),
        ("PSNR to the float network", f"{quality['psnr_db']:.1f} dB"),
        ("fd_lite0", "not measured" if quality["fd_lite0"] is None else f"{quality['fd_lite0']:.1f}"),
    ]
    if power := result.get("power"):
        figures.append((f"energy an image, {power['scope']}", f"{power['energy_mj_per_inference']:.3g} mJ"))
    return (
        "<div class=figures>"
        + "".join(f"<div>{escape(name)}<b>{escape(value)}</b></div>" for name, value in figures)
        + "</div>"
    )


def _table(
    candidates: Sequence[Mapping[str, Any]], baseline: Mapping[str, Any], result: Mapping[str, Any] | None
) -> str:
    head = "".join(f"<th>{column}" for column in COLUMNS)
    rows = [_row("plain conversion", baseline, "", "baseline")]
    for row in candidates:
        chosen = result is not None and row["name"] == result["name"]
        rows.append(
            _row(
                row["name"],
                row,
                "chosen" if chosen else "" if row["passed"] else "failed",
                "chosen: " + row["reason"] if chosen else row["reason"],
            )
        )
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _row(name: str, row: Mapping[str, Any], css: str, verdict: str) -> str:
    quality = row["quality"]
    latency = row["latency_ms"]
    cells = [
        escape(name),
        row.get("precision", "fp32"),
        _number(latency and latency["p50"], 3),
        _number(latency and latency["p99"], 3),
        _number((row.get("power") or {}).get("energy_mj_per_inference"), 2),
        _kib(row["bytes"]),
        _number(quality["psnr_db"], 1),
        _number(quality["ssim"], 4),
        _number(quality.get("lpips"), 4),
        _number(quality["fd_lite0"], 1),
        escape(verdict),
    ]
    return f"<tr class='{css}'>" + "".join(f"<td>{c}" for c in cells) + "</tr>"


def _plot(candidates: Sequence[Mapping[str, Any]], result: Mapping[str, Any] | None) -> str:
    """Latency against PSNR as an inline SVG, logarithmic in latency; nothing where fewer than two were timed."""
    import math

    points = [
        (r["latency_ms"]["p50"], min(80.0, r["quality"]["psnr_db"]), r)
        for r in candidates
        if r["latency_ms"] and r["quality"]["psnr_db"] is not None
    ]
    if len(points) < 2:
        return ""
    low, high = min(math.log(p[0]) for p in points), max(math.log(p[0]) for p in points)
    marks = []
    for latency, psnr, row in points:
        x = 60 + 560 * (math.log(latency) - low) / max(1e-9, high - low)
        y = 230 - 200 * psnr / 80
        colour = (
            "#2e7d32"
            if result is not None and row["name"] == result["name"]
            else "#1f6feb"
            if row["passed"]
            else "#8b949e"
        )
        marks.append(
            f"<circle cx={x:.0f} cy={y:.0f} r=6 fill='{colour}'><title>{escape(row['name'])}: {latency:.3f} ms, "
            f"{row['quality']['psnr_db']:.1f} dB</title></circle>"
        )
    axes = (
        "<path d='M50 20V240H640' fill=none stroke=currentColor /><text x=60 y=262 "
        "fill=currentColor>faster</text><text x=560 y=262 fill=currentColor>slower</text><text x=0 y=34 "
        "fill=currentColor>80 dB</text><text x=14 y=240 fill=currentColor>0</text>"
    )
    return (
        "<h2>Latency against PSNR</h2><svg viewBox='0 0 660 270' width=660 role=img aria-label='latency against "
        f"PSNR of every candidate'>{axes}{''.join(marks)}</svg>"
    )


def _stages(stages: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(s['name'])}<td>{s['seconds']:.1f} s<td>{'<br>'.join(escape(n) for n in s['notes'])}</tr>"
        for s in stages
    )
    return f"<table><tr><th>stage<th>time<th>notes</tr>{rows}</table>"


def _player(sound: Path) -> str:
    encoded = base64.b64encode(sound.read_bytes()).decode()
    return (
        "<h2>Sound</h2><p>For each input the original, then the compressed network; 22,050 samples a second are "
        f"assumed.</p><audio controls src='data:audio/wav;base64,{encoded}'></audio>"
    )


def _picture(samples: Path) -> str:
    return (
        "<img alt='samples of the original and the compressed network' "
        f"src='data:image/png;base64,{base64.b64encode(samples.read_bytes()).decode()}'>"
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _ms(latency: dict[str, float] | None) -> str:
    return "not measured" if latency is None else f"{latency['p50']:.3f} ms"


def _kib(size: int | None) -> str:
    return "–" if size is None else f"{size / 1024:.0f} KiB"

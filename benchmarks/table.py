"""Put the measured figures into the README, from ``results/*.json``: python -m benchmarks.table."""

from __future__ import annotations

import json
import re
from pathlib import Path

from benchmarks.common import RESULTS

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.S)


def table() -> str:
    """The Markdown table of the README."""
    lines = ["| `fashion-dcgan`, 32x32, batch 1, 2 threads | p50 ms | PSNR to float | command |", "| --- | --- | --- | --- |"]
    for name in ("litert", "x86_cpu"):
        found = json.loads((RESULTS / f"{name}.json").read_text())
        for row in found["rows"]:
            ours = "**" if row["name"].startswith("EdgeGAN") else ""
            lines.append(f"| {ours}{row['name']}{ours} | {ours}{row['latency_ms']['p50']:.3f}{ours} | {'exact' if row['psnr_db'] > 100 else format(row['psnr_db'], '.1f') + ' dB'} | `{found['command']}` |")
    cpu = json.loads((RESULTS / "litert.json").read_text())["environment"]
    lines.append(f"\nMeasured on {cpu['cpu']}, {cpu['cores']} cores; the ratios carry further than the milliseconds.")
    return "\n".join(lines) + "\n"


def filled(text: str) -> str:
    return BLOCK.sub(lambda m: m[1] + table() + m[2], text)


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
    print(table())

"""Every family at its PSNR gate in TensorRT's int8: the pictures of the graph that TensorRT is given, and what its
compiler says.

No GPU is needed: ONNX Runtime computes the graph with its quantize and dequantize operators, and TensorRT-RTX compiles
it and tells in its build log how many convolutions and matrix products take int8. Latency is not measured: null, and
the reason in each report. ``python -m benchmarks.tensorrt [FAMILY ...]``. Aim: each family's gate
(``benchmarks.quantize.GATES``) held.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import JUDGE, missing, publish, renewed
from benchmarks.quantize import CALIBRATION, CASES, GATES, MARGIN, THREADS, TRAINED, case_of
from edgegan.compress import compress
from edgegan.core.errors import GeneratorError, first_line

TARGET = "rtx-40"


def family_row(family: str, folder: Path) -> dict[str, Any]:
    case = case_of(family, folder)
    row: dict[str, Any] = {"family": family, "model": TRAINED.get(family, "seeded weights"), "gate_db": GATES[family]}
    try:
        found = compress(
            case.model,
            TARGET,
            out=folder / "out",
            threads=THREADS,
            min_psnr=GATES[family] + MARGIN,
            fd_samples=0,
            calibration_samples=CALIBRATION,
            precision="int8",
            **case.arguments,
        ).result
    except GeneratorError as exc:
        return row | {"candidate": None, "error": first_line(exc), "psnr_db": None, "notes": []}
    assert found is not None
    return row | {
        "candidate": found["name"],
        "error": None,
        "psnr_db": found["quality"]["psnr_db"],
        "notes": [note for note in found["notes"] if "build log" in note],
    }


def report(rows: list[dict[str, Any]]) -> None:
    lines = [
        [
            r["family"],
            f"{r['gate_db']:g}",
            f"{r['psnr_db']:.1f}" if r["psnr_db"] else r["error"],
            r["candidate"] or "-",
            "; ".join(r["notes"]) or "-",
        ]
        for r in rows
    ]
    aims = missing(rows, CASES) | {
        f"{r['family']}: {format(r['psnr_db'], '.1f') if r['psnr_db'] else 'no'} dB (aim: {r['gate_db']:g})": bool(
            r["psnr_db"] and r["psnr_db"] >= r["gate_db"]
        )
        for r in rows
    }
    publish(
        "tensorrt",
        f"{TARGET}, int8, by ONNX Runtime on the same graph",
        ["family", "gate dB", "PSNR dB", "candidate", "compiler"],
        lines,
        {"rows": rows},
        aims,
    )


def main() -> None:
    logging.disable(logging.WARNING)
    if sys.argv[1:] == [JUDGE]:
        report(renewed("tensorrt", None, CASES))
        return
    for family in sys.argv[1:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            row = family_row(family, Path(folder))
        report(renewed("tensorrt", row, CASES))


if __name__ == "__main__":
    main()

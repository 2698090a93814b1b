"""Every shipped generator through ``edgegan compress NAME --target T`` without any other flag: does it pass its gate.

``python -m benchmarks.zoo [NAME ...]`` renews the rows of those models, or of all, and keeps the others while their
weights are the same. Aim: all of them pass for all four targets. No speed is told here; the other benchmarks do that.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, provenance, publish
from edgegan.compress import compress
from edgegan.core.errors import GeneratorError
from edgegan.models.zoo import ZOO, find

TARGETS = ("x86-cpu", "mobile", "rtx-40", "jetson-orin")
SHIPPED = [model for model in ZOO.values() if model.weights]


def attempt(name: str, target: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = compress(name, target, out=Path(folder) / "out").content
        except GeneratorError as exc:
            return {"passed": False, "reason": str(exc)}
    chosen = report["result"]
    quality = chosen["quality"]
    return {
        "passed": chosen["passed"],
        "artifact": chosen["artifact"],
        "candidate": chosen["name"],
        "precision": chosen["precision"],
        "psnr_db": quality["psnr_db"],
        "fd_lite0": quality["fd_lite0"],
        "original_fd_lite0": report["baseline"]["quality"]["fd_lite0"],
        "bytes": chosen["bytes"],
    }


def main() -> None:
    path = RESULTS / "zoo.json"
    wanted = sys.argv[1:] or [model.name for model in SHIPPED]
    for name in wanted:
        card = find(name).card
        assert card is not None
        attempts = {target: attempt(name, target) for target in TARGETS}
        made = {"sha256": card["sha256"], "targets": attempts, "measured": provenance()}
        known = (json.loads(path.read_text())["models"] if path.exists() else {}) | {name: made}
        told = ", ".join(
            f"{target} {row['candidate'] if row['passed'] else row['reason']}"
            for target, row in made["targets"].items()
        )
        print(f"{name}: {told}", flush=True)
        report(
            {
                model.name: known[model.name]
                for model in SHIPPED
                if model.card and known.get(model.name, {}).get("sha256") == model.card["sha256"]
            }
        )


def report(found: dict[str, Any]) -> None:
    rows = [
        [
            name,
            target,
            "yes" if row["passed"] else f"NO: {row.get('reason')}",
            row.get("candidate", "-"),
            f"{row['psnr_db']:.1f}" if row["passed"] else "-",
        ]
        for name, of in found.items()
        for target, row in of["targets"].items()
    ]
    whole = set(found) == {model.name for model in SHIPPED} and all(
        row["passed"] for of in found.values() for row in of["targets"].values()
    )
    publish(
        "zoo",
        "edgegan compress NAME --target T",
        ["model", "target", "passes", "candidate", "PSNR dB"],
        rows,
        {"models": found},
        {"every shipped generator passes its gate for every target": whole},
    )


if __name__ == "__main__":
    main()

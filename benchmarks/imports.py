"""What importing costs: ``python -m benchmarks.imports`` prints milliseconds and modules beyond a bare interpreter's.

An app imports ``edgegan.runtime``; a command line waits for ``--help``. Runs take turns, each in a process of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from benchmarks.common import publish

ROUNDS = 9
IMPORTS = {
    "edgegan": "import edgegan",
    "edgegan.runtime": "import edgegan.runtime",
    "edgegan.cli.app": "import edgegan.cli.app",
    "edgegan.compress": "import edgegan.compress",
    "edgegan.compress.pipeline": "import edgegan.compress.pipeline",
    "numpy": "import numpy",
    "torch": "import torch",
}
AIM_MS = 150.0
"""Most that the runtime may take beside NumPy."""
COUNT = "; import sys; print(len(sys.modules))"


def once(code: str) -> tuple[float, int]:
    """Milliseconds of a process that runs ``code``, and the modules that it holds then."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + COUNT], capture_output=True, check=True, env=dict(os.environ))
    return 1000 * (time.perf_counter() - start), int(done.stdout.split()[-1])


def main() -> None:
    codes = {"nothing": "pass", **IMPORTS}
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in codes}
    for _ in range(ROUNDS):
        for name, code in codes.items():
            runs[name].append(once(code))
    bare, held = statistics.median(ms for ms, _ in runs["nothing"]), runs["nothing"][0][1]
    rows = [
        {"import": name, "ms": statistics.median(ms for ms, _ in runs[name]) - bare, "modules": runs[name][0][1] - held}
        for name in IMPORTS
    ]
    by_name = {row["import"]: row["ms"] for row in rows}
    beside = by_name["edgegan.runtime"] - by_name["numpy"]
    publish(
        "imports",
        f"beyond {bare:.0f} ms of a bare interpreter",
        ["import", "ms", "modules"],
        [[row["import"], f"{row['ms']:.0f}", str(row["modules"])] for row in rows],
        {"rows": rows, "bare_ms": bare},
        {f"edgegan.runtime takes {beside:.0f} ms beside NumPy (aim: {AIM_MS:.0f})": beside <= AIM_MS},
    )


if __name__ == "__main__":
    main()

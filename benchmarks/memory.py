"""Peak memory of ``edgegan bench`` on a .tflite file against the bare interpreter in a Python process of its own.

Aim: within 60 MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import publish
from edgegan.compress import compress

PEAK = "print(int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]) / 1024)"
BARE = f"""
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
i = Interpreter(sys.argv[1], num_threads=2); i.allocate_tensors()
for _ in range(5):
    i.set_tensor(i.get_input_details()[0]['index'], np.zeros((1, 100, 1, 1), np.float32))
    i.invoke(); i.get_tensor(i.get_output_details()[0]['index'])
{PEAK}
"""
WHOLE = f"""
import sys
from edgegan.cli.app import run
run(['bench', '--engine', sys.argv[1], '--threads', '2', '--json', sys.argv[2]])
{PEAK}
"""


def last_number(code: str, *arguments: str) -> float:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = compress(
            "fashion-dcgan", "mobile", out=Path(folder) / "out", precision="int8", threads=2, fd_samples=0
        )
        artifact, figures = str(Path(folder) / "out" / report.result["artifact"]), str(Path(folder) / "bench.json")
        bare = last_number(BARE, artifact)
        whole = last_number(WHOLE, artifact, figures)
        reported = json.loads(Path(figures).read_text())["memory"]["peak_rss_mib"]
    rows = [
        ["bare interpreter", f"{bare:.1f}", ""],
        ["edgegan bench, the whole command", f"{whole:.1f}", f"{whole - bare:+.1f}"],
        ["edgegan bench, as it reports the artifact", f"{reported:.1f}", f"{reported - bare:+.1f}"],
    ]
    aims = {
        f"the whole command peaks {whole - bare:+.1f} MiB from the bare interpreter (aim: 60)": whole - bare <= 60,
        f"the reported peak is {reported - bare:+.1f} MiB from it (aim: 60)": abs(reported - bare) <= 60,
    }
    publish(
        "memory",
        "Peak resident memory, fashion-dcgan int8 .tflite",
        ["process", "peak MiB", "more"],
        rows,
        {"bare_mib": bare, "bench_mib": whole, "reported_mib": reported},
        aims,
    )


if __name__ == "__main__":
    main()

"""The files that tests cover least, from coverage's JSON: ``make coverage``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edgegan.cli.console import table

COUNT = 10


def main(path: Path) -> None:
    found = json.loads(path.read_text())
    files = {name: entry["summary"] for name, entry in found["files"].items() if entry["summary"]["num_statements"]}
    least = sorted(files, key=lambda name: files[name]["percent_covered"])[:COUNT]
    rows = [
        [name, f"{one['percent_covered']:.0f} %", str(one["missing_lines"]), str(one.get("missing_branches", 0))]
        for name, one in ((name, files[name]) for name in least)
    ]
    table("least covered", ["file", "lines and branches", "lines missed", "branches missed"], rows)
    whole = found["totals"]
    lines = whole["covered_lines"] / whole["num_statements"]
    branches = whole["covered_branches"] / max(1, whole["num_branches"])
    print(f"all: {lines:.1%} of lines, {branches:.1%} of branches")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

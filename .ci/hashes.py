"""Write hashes-py311.txt: the pins of constraints-py311.txt with the SHA-256 of the files that the index has for
this platform, for ``pip install --require-hashes``: ``make hashes``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS, HASHES = ROOT / "constraints-py311.txt", ROOT / "hashes-py311.txt"
HEAD = "# Made by make hashes: CPython 3.11, Linux x86-64. pip install --require-hashes --no-deps -r hashes-py311.txt\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "report.json"
        asked = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", told, "-r", PINS]
        subprocess.run([sys.executable, "-m", "pip", *asked], check=True)
        found = json.loads(told.read_text())["install"]
    lines = sorted(
        f"{each['metadata']['name'].lower().replace('_', '-')}=={each['metadata']['version']} "
        f"--hash=sha256:{each['download_info']['archive_info']['hashes']['sha256']}"
        for each in found
    )
    HASHES.write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

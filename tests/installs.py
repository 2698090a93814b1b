"""The wheel of this tree, and virtual environments that it is installed into."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def built_wheel(folder):
    """A wheel of the working tree, below ``folder``."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    return next(Path(folder).glob("*.whl"))


def installed(folder, python, *packages):
    """The interpreter of a fresh virtual environment of ``python`` in ``folder``, with ``packages``."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    there = Path(folder) / "bin" / "python"
    pip = [there, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return there

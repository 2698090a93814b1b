"""What a figure was measured on."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from edgegan import __version__

if TYPE_CHECKING:
    from edgegan.core import schemas

COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")
PACKAGES = (
    "numpy",
    "torch",
    "torchao",
    "onnx",
    "onnxruntime",
    "openvino",
    "ai-edge-litert",
    "litert-torch",
    "ai-edge-quantizer",
    "tensorrt-rtx",
    "tensorrt",
    "torchmetrics",
)


def environment(threads: int) -> schemas.Environment:
    """This machine; ``gpu`` is None where nvidia-smi finds none."""
    return {
        "os": platform.platform(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": sys.version.split()[0],
        "versions": versions(),
        "gpu": gpu_name(),
        "commit": commit(),
    }


def commit() -> str | None:
    """The commit of the repository around the working directory, as CI or git tells it; None where there is none."""
    for variable in COMMITS:
        if os.environ.get(variable):
            return os.environ[variable]
    if shutil.which("git") is None:
        return None
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or None


def versions() -> dict[str, str]:
    by_package = {"edgegan": __version__}
    for package in PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            continue
    return by_package


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo") as stream:
            names = [line.partition(":")[2].strip() for line in stream if line.startswith(("model name", "Model"))]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def gpu_name() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
    )
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(environment(os.cpu_count() or 1)) + "\n")

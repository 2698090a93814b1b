"""The ``raspberry-pi`` artifacts' pictures on emulated aarch64: EdgeGAN's runtime and LiteRT's own wheel for Arm, in a
qemu that emulates the processor. Correctness only; an emulator's times say nothing.

``python -m benchmarks.aarch64 prepare FOLDER`` puts an aarch64 Python and its wheels there (Debian 12, as root: it adds
the architecture arm64 to apt; qemu 10 is taken from Debian 13, since LiteRT and ONNX Runtime crash in Debian 12's 7.2).
``python -m benchmarks.aarch64 FOLDER`` compresses generators of the zoo for ``raspberry-pi`` and compares.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.common import THREADS, publish
from edgegan.compress import compress
from edgegan.core.errors import last_line
from edgegan.core.sampling import sample_inputs
from edgegan.metrics.pairwise import psnr_db
from edgegan.runtime import load

MODELS = ("fashion-dcgan", "fashion-cgan", "fashion-cyclegan", "fashion-pix2pix", "sr-compact")
PRECISIONS = ("int8", "fp32")
COUNT, LEVELS = 4, 1
"""Pictures of each, and how many of 255 levels one pixel may differ from x86's."""
ROOT = Path(__file__).parents[1]
PACKAGES = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "libstdc++6"),
    *("zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libuuid1"),
)
NEWER = "deb http://deb.debian.org/debian trixie main\n"
SOURCES = Path("/etc/apt/sources.list.d/edgegan-qemu.list")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64")
DRAW = """
import sys
import numpy as np
from edgegan.runtime import load
with load(sys.argv[1], threads=1) as generator:
    np.save(sys.argv[3], generator.images(dict(np.load(sys.argv[2]))))
"""


def prepare(folder: Path) -> None:
    """qemu, an aarch64 Python's files and the wheels, below ``folder``."""
    debs, newer = folder / "debs", folder / "qemu"
    for made in (debs, newer):
        made.mkdir(parents=True)
    _do("dpkg", "--add-architecture", "arm64")
    SOURCES.write_text(NEWER)
    try:
        _do("apt-get", "update", "-qq")
        _do("apt-get", "download", "-q", "-t", "trixie", "qemu-user", cwd=newer)
    finally:
        SOURCES.unlink()
        _do("apt-get", "update", "-qq")
    _do("apt-get", "download", "-q", *(f"{name}:arm64" for name in PACKAGES), cwd=debs)
    for archive, into in ((d, folder / "root") for d in debs.glob("*.deb")):
        _do("dpkg-deb", "-x", str(archive), str(into))
    for archive in newer.glob("*.deb"):
        _do("dpkg-deb", "-x", str(archive), str(newer))
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    options = [
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        *platforms,
        "--python-version",
        "3.11",
        "-d",
        str(folder / "wheels"),
    ]
    pins = [line for line in (ROOT / "constraints-py311.txt").read_text().splitlines() if _is_wanted(line)]
    _do(sys.executable, "-m", "pip", "download", *options, *pins)
    for wheel in (folder / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive_file:
            archive_file.extractall(folder / "site")


def _is_wanted(pin: str) -> bool:
    return pin.partition("==")[0] in ("numpy", "ai-edge-litert")


def _do(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd)


def draw(folder: Path, artifact: Path, inputs: dict[str, np.ndarray], work: Path) -> np.ndarray:
    """The artifact's pictures on the emulated processor."""
    np.savez(work / "inputs.npz", **inputs)  # type: ignore[arg-type]
    emulator = [str(folder / "qemu/usr/bin/qemu-aarch64"), "-cpu", "cortex-a76", "-L", str(folder / "root")]
    python = ["-E", f"PYTHONPATH={folder / 'site'}:{ROOT}", str(folder / "root/usr/bin/python3.11"), "-c", DRAW]
    command = [*emulator, *python, str(artifact), str(work / "inputs.npz"), str(work / "images.npy")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{artifact.name} does not run on emulated aarch64: {last_line(done.stderr)}")
    images: np.ndarray = np.load(work / "images.npy")
    return images


def row_of(model: str, precision: str, folder: Path, work: Path) -> dict[str, Any]:
    report = compress(model, "raspberry-pi", out=work / "out", precision=precision, threads=THREADS, fd_samples=0)
    artifact = work / "out" / report.result["artifact"]
    with load(artifact, threads=THREADS) as generator:
        inputs = sample_inputs(generator.inputs, COUNT, 0)
        wanted, (low, high) = generator.images(inputs), generator.output_range
    found = draw(folder, artifact, inputs, work)
    levels = float(np.abs(found - wanted).max()) * 255 / (high - low)
    return {
        "model": model,
        "precision": precision,
        "psnr_db": psnr_db(wanted, found, (low, high)),
        "most_levels": levels,
        "to_network_db": report.result["quality"]["psnr_db"],
    }


def main() -> None:
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]).resolve())
        return
    rows, folder = [], Path(sys.argv[1]).resolve()
    for model in MODELS:
        for precision in PRECISIONS:
            with TemporaryDirectory() as work:
                rows.append(row_of(model, precision, folder, Path(work)))
    aims = {
        f"{r['model']} in {r['precision']}: at most {r['most_levels']:.2f} levels from x86 (aim: {LEVELS})": r[
            "most_levels"
        ]
        <= LEVELS
        for r in rows
    }
    publish(
        "aarch64",
        "raspberry-pi artifacts on emulated aarch64 against the same files on x86; correctness only",
        ["model", "precision", "dB to x86", "most levels", "dB to the network"],
        [
            [r["model"], r["precision"], f"{r['psnr_db']:.1f}", f"{r['most_levels']:.2f}", f"{r['to_network_db']:.1f}"]
            for r in rows
        ],
        {"rows": rows, "emulator": "qemu-aarch64 -cpu cortex-a76", "count": COUNT},
        aims,
    )


if __name__ == "__main__":
    main()

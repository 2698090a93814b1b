"""Packages of npm, fetched by the user's own npm at a pinned version and checked against its published hash."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edgegan.core.errors import ArtifactError, DeviceError, UsageError
from edgegan.core.files import write_bytes

SECONDS = 300
MOST_BYTES = 64 << 20
"""Of one file that is unpacked."""


@dataclass(frozen=True)
class Package:
    """``sha512``: of its archive, in base64, as npm publishes it. ``files``: what is taken, from its path there to
    where it goes."""

    name: str
    version: str
    sha512: str
    files: Mapping[str, str]


LITERT = Package(
    "@litertjs/core",
    "2.5.3",
    "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
    {"dist/index.js": "litert/index.js"}
    | {
        f"wasm/litert_wasm_{kind}.{suffix}": f"litert/wasm/litert_wasm_{kind}.{suffix}"
        for kind in ("internal", "compat_internal", "threaded_internal")
        for suffix in ("js", "wasm")
    },
)
LITERT_WASM = Package(
    "@litertjs/wasm-utils",
    "2.5.3",
    "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
    {"dist/index.js": "litert/wasm-utils.js"},
)
ONNXRUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    {
        f"dist/{name}": f"onnxruntime/{name}"
        for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    },
)


def take(package: Package, out: Path, archives: Path | None = None, kept: Path | None = None) -> None:
    """Put the package's files below ``out``. ``archives``: a folder where its archive lies already (``npm pack``);
    ``kept``: one in which what is fetched stays for the next call.

    Raises DeviceError where npm is missing or fails, ArtifactError where the archive is not the published one.
    """
    with TemporaryDirectory(prefix="edgegan-") as folder:
        archive = _there(package, archives) if archives else _fetched(package, kept or Path(folder))
        content = archive.read_bytes()
        if base64.b64encode(hashlib.sha512(content).digest()).decode() != package.sha512:
            raise ArtifactError(f"{archive.name} is not what {package.name} {package.version} was published as")
        with tarfile.open(archive) as packed:
            for source, target in package.files.items():
                member = packed.getmember(f"package/{source}")
                stream = packed.extractfile(member) if member.isfile() and member.size <= MOST_BYTES else None
                if stream is None:
                    raise ArtifactError(f"{archive.name}: {source} is no file, or too large")
                (out / target).parent.mkdir(parents=True, exist_ok=True)
                write_bytes(out / target, stream.read())


def archive_name(package: Package) -> str:
    return f"{package.name.lstrip('@').replace('/', '-')}-{package.version}.tgz"


def _there(package: Package, archives: Path) -> Path:
    archive = archives / archive_name(package)
    if not archive.is_file():
        raise UsageError(f"--npm {archives}: there is no {archive.name}; npm pack {package.name}@{package.version}")
    return archive


def _fetched(package: Package, folder: Path) -> Path:
    archive = folder / archive_name(package)
    return archive if archive.is_file() else _packed(package, folder)


def _packed(package: Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise DeviceError(
            f"npm is not installed; it fetches {package.name}. Install Node.js, or give --npm DIR with "
            f"{archive_name(package)} in it"
        )
    command = [npm, "pack", f"{package.name}@{package.version}", "--pack-destination", str(folder), "--silent"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired as exc:
        raise DeviceError(f"npm did not fetch {package.name} within {SECONDS} s") from exc
    archive = folder / archive_name(package)
    if done.returncode or not archive.is_file():
        last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise DeviceError(f"npm could not fetch {package.name} {package.version}: {last}")
    return archive

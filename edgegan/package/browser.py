"""``--for browser``: a static folder that fetches nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgegan.core.errors import TargetError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest, copy_artifact
from edgegan.package import npm

PARTS = ("edgegan.js", "random.js", "app.js", "app.css", "serve.py", "_headers")
RUNTIMES = {"litert": (npm.LITERT, npm.LITERT_WASM), "onnxruntime": (npm.ONNXRUNTIME,)}


def package(manifest: Manifest, out: Path, archives: Path | None = None, kept: Path | None = None) -> list[str]:
    """Write ``index.html``, ``edgegan.js``, the artifact and its runtime; returns what to do next, in sentences.
    ``archives`` and ``kept`` as ``npm.take`` has them. Raises TargetError for a backend that browsers do not run."""
    if manifest.backend not in RUNTIMES:
        raise TargetError(
            f"{manifest.artifact.name} is for {manifest.backend}; browsers run {' and '.join(RUNTIMES)}: compress with "
            "--target browser, mobile or x86-cpu"
        )
    copy_artifact(manifest, out)
    folder = files("edgegan.package") / "site"
    for name in PARTS:
        write_bytes(out / name, (folder / name).read_bytes())
    write_bytes(out / "session.js", (folder / f"session-{manifest.backend}.js").read_bytes())
    page = (folder / "index.html").read_text(encoding="utf-8").replace("{{artifact}}", manifest.artifact.name)
    write_bytes(out / "index.html", page.encode())
    for each in RUNTIMES[manifest.backend]:
        npm.take(each, out / "vendor", archives, kept)
    if manifest.backend == "litert":
        _link(out / "vendor" / "litert")
    name = manifest.artifact.name
    return [
        f"try it: python {out / 'serve.py'}",
        f'in a page of yours: import {{ load }} from "./edgegan.js"; const generator = await load("{name}")',
        "threads need the headers in _headers; without them it runs on one",
    ]


def _link(litert: Path) -> None:
    """LiteRT.js names its helper as bundlers find it; here it lies beside it."""
    index = litert / "index.js"
    write_bytes(index, index.read_bytes().replace(b'"@litertjs/wasm-utils"', b'"./wasm-utils.js"'))

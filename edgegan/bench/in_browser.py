"""Artifacts in a headless Chromium: their pictures there, and their latency in turns.

What is served is what ``edgegan package --for browser`` writes, threads included, from a server on this machine alone.
"""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgegan.bench.latency import summarize
from edgegan.core.errors import DeviceError, GeneratorError, MissingPackageError, first_line
from edgegan.core.manifest import read_manifest
from edgegan.core.progress import Progress, Silent
from edgegan.package import browser
from edgegan.package.site.serve import Handler

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--disable-gpu", "--disable-extensions", "--no-first-run")
ROUNDS, LOAD_MS = 6, 120_000
SCRIPT = """
window.generators = {};
window.values = (text, kind) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return kind === "int64" ? new BigInt64Array(bytes.buffer) : new Float32Array(bytes.buffer);
};
window.open_ = async ([name, folder, file, threads]) => {
  const { load } = await import(`${folder}/edgegan.js`);
  const before = performance.now();
  generators[name] = await load(`${folder}/${file}`, { threads });
  return performance.now() - before;
};
window.draw_ = async ([name, inputs]) => {
  const given = Object.fromEntries(inputs.map(([key, text, kind]) => [key, values(text, kind)]));
  generators[name].given = given;
  const drawn = Object.values(await generators[name].run(given))[0];
  const bytes = new Uint8Array(drawn.buffer, drawn.byteOffset, drawn.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
window.time_ = async ([name, milliseconds]) => {
  const generator = generators[name], times = [], end = performance.now() + milliseconds;
  do {
    const before = performance.now();
    await generator.run(generator.given);
    times.push(performance.now() - before);
  } while (performance.now() < end);
  return times;
};
null;
"""


@dataclass(frozen=True)
class Seen:
    """What an artifact did in the browser: its ``output`` for the inputs as it gives it, milliseconds of calls, of
    loading; or the error that stopped it."""

    output: np.ndarray | None = None
    latency_ms: dict[str, Any] | None = None
    load_ms: float | None = None
    error: str | None = None


def measure(
    artifacts: Mapping[str, Path],
    inputs: Mapping[str, np.ndarray],
    threads: int,
    seconds: float,
    npm: Path | None = None,
    progress: Progress | None = None,
) -> tuple[dict[str, Seen], str]:
    """Each artifact with the first batch of ``inputs``, then for ``seconds`` of calls, in turns; and the browser's
    version.

    Raises MissingPackageError without Playwright, DeviceError where no Chromium is found or the page does not open.
    """
    progress = progress or Silent()
    with TemporaryDirectory(prefix="edgegan-") as folder, _page(Path(folder)) as (page, version):
        seen: dict[str, Seen] = {}
        for index, (name, artifact) in enumerate(artifacts.items()):
            seen[name] = _opened(page, Path(folder), f"a{index}", name, artifact, inputs, threads, npm)
        running = [name for name, found in seen.items() if found.error is None]
        times: dict[str, list[float]] = {name: [] for name in running}
        for turn in range(ROUNDS):
            for name in running if turn % 2 == 0 else reversed(running):
                times[name] += page.evaluate("given => time_(given)", [name, 1e3 * seconds / ROUNDS])
            progress.step(turn + 1, ROUNDS)
        for name in running:
            found = seen[name]
            seen[name] = Seen(found.output, summarize(np.array(times[name])).to_json(), found.load_ms)
        return seen, version


def _opened(
    page: Any,
    root: Path,
    place: str,
    name: str,
    artifact: Path,
    inputs: Mapping[str, np.ndarray],
    threads: int,
    npm: Path | None,
) -> Seen:
    """The artifact loaded in the page, and what it gives for the first batch."""
    from playwright.sync_api import Error

    manifest = read_manifest(artifact)
    try:
        browser.package(manifest, root / place, npm, root)
        first = {i.name: inputs[i.name][: manifest.batch].astype(i.dtype) for i in manifest.spec.inputs}
        given = [[key, base64.b64encode(value.tobytes()).decode(), str(value.dtype)] for key, value in first.items()]
        loaded = page.evaluate("given => open_(given)", [name, f"/{place}", manifest.artifact.name, threads])
        drawn = base64.b64decode(page.evaluate("given => draw_(given)", [name, given]))
    except (GeneratorError, Error) as exc:
        return Seen(error=first_line(exc))
    shape = (manifest.batch, *manifest.content["outputs"][0]["shape"][1:])
    output = np.frombuffer(drawn, np.uint8 if manifest.gives_pixels else np.float32).reshape(shape)
    return Seen(output=output, load_ms=float(loaded))


@contextmanager
def _page(root: Path) -> Iterator[tuple[Any, str]]:
    """A page of Chromium on a server over ``root``, with the script in it; and the browser's version."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as exc:
        raise MissingPackageError("playwright", "browser", "Measuring in a browser") from exc
    (root / "index.html").write_text("<!doctype html><title>EdgeGAN</title><link rel=icon href=data:,>")
    flags = [*FLAGS, *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])]
    with _serving(root) as address, sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        except Error as exc:
            raise DeviceError(f"Chromium does not start: {first_line(exc)}") from exc
        try:
            page = chromium.new_page()
            page.set_default_timeout(LOAD_MS)
            page.goto(address)
            page.evaluate(SCRIPT)
            yield page, f"Chromium {chromium.version}"
        finally:
            chromium.close()


def chromium_path() -> str:
    """The browser that EDGEGAN_CHROMIUM names, or the first that is installed. Raises DeviceError."""
    named = os.environ.get("EDGEGAN_CHROMIUM")
    found = named or next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        raise DeviceError(
            "no Chromium was found to measure in; install it (Debian: apt install chromium), or name it by "
            "EDGEGAN_CHROMIUM"
        )
    return found


@contextmanager
def _serving(root: Path) -> Iterator[str]:
    class Quiet(Handler):
        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()

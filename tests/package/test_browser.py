"""A folder for the browser, in one: pictures beside Python's, nothing fetched from elsewhere."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from edgegan.cli.app import run
from edgegan.runtime import load
from tests.artifacts import artifact
from tests.browser import browser, needs_browser, watched
from tests.conftest import LATENT, PHOTO, make_null
from tests.subjects import TinyCyclegan, TinyDcgan, randomized

PIXELS = """
async ([name, count, seed]) => {
  const { load } = await import("./edgegan.js");
  const generator = await load(name);
  const images = await generator.sample(count, seed);
  return images.map(image => [image.width, image.height, [...image.data]]);
}
"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Archives of the packages, fetched once. Skipped where npm cannot."""
    from edgegan.core.errors import DeviceError
    from edgegan.package import npm

    folder = tmp_path_factory.mktemp("npm")
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    for package in (npm.LITERT, npm.LITERT_WASM, npm.ONNXRUNTIME):
        try:
            npm._packed(package, folder)
        except DeviceError as exc:
            pytest.skip(str(exc))
    return folder


@contextmanager
def served(folder):
    """The folder's own server."""
    process = subprocess.Popen(
        [sys.executable, "serve.py", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield re.search(r"http://\S+", process.stdout.readline())[0]
    finally:
        process.kill()
        process.communicate()


def packaged(backend, graph, tmp_path, archives):
    made = artifact(backend, tmp_path, graph)
    site = tmp_path / "site"
    assert run(["package", str(made), "--for", "browser", "--out", str(site), "--npm", str(archives)]) == 0
    return made, site


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnxruntime", "litert"])
def test_samples_are_those_of_python(backend, tmp_path, archives):
    from edgegan.graph.capture import capture

    made, site = packaged(backend, capture(randomized(TinyDcgan()), LATENT), tmp_path, archives)
    with load(made) as gen:
        wanted = gen.sample(3, seed=7)
    with browser() as chromium, served(site) as address, watched(chromium) as seen:
        seen.page.goto(address)
        seen.page.wait_for_selector("body[data-ready=true]", timeout=60_000)
        images = seen.page.evaluate(PIXELS, [made.name, 3, 7])
        for (width, height, data), picture in zip(images, wanted, strict=True):
            found = np.array(data, np.uint8).reshape(height, width, 4)
            assert np.abs(found[..., :3].astype(int) - picture).max() <= 1 and (found[..., 3] == 255).all()
        seen.page.get_by_role("button", name="Draw").click()
        seen.page.wait_for_function("document.querySelectorAll('canvas').length === 4")
        assert "ms a picture" in seen.page.inner_text("#told")
        assert seen.page.evaluate("crossOriginIsolated")
        assert seen.foreign(address) == [] and seen.errors == [] and seen.violations() == []


@needs_browser
@pytest.mark.slow
def test_a_picture_from_a_file_is_translated_as_in_python(tmp_path, archives):
    from edgegan.graph.capture import capture

    made, site = packaged("onnxruntime", capture(randomized(TinyCyclegan()), PHOTO), tmp_path, archives)
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    with load(made) as gen:
        wanted = gen(image=pixels)
    with browser() as chromium, served(site) as address, watched(chromium) as seen:
        seen.page.goto(address)
        seen.page.wait_for_selector("body[data-ready=true]", timeout=60_000)
        seen.page.set_input_files("input[type=file]", str(tmp_path / "photo.png"))
        seen.page.wait_for_selector("canvas")
        data = seen.page.evaluate(
            "[...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 16, 16).data]"
        )
        found = np.array(data, np.uint8).reshape(16, 16, 4)[..., :3]
        assert np.abs(found.astype(int) - wanted).max() <= 1
        seen.page.get_by_role("button", name="Camera").click()
        seen.page.wait_for_function("document.getElementById('told').textContent.includes('camera')")
        assert seen.foreign(address) == []


@needs_browser
@pytest.mark.slow
def test_a_damaged_artifact_is_refused_in_the_browser(tmp_path, archives):
    from edgegan.graph.capture import capture

    made, site = packaged("onnxruntime", capture(randomized(TinyDcgan()), LATENT), tmp_path, archives)
    content = bytearray((site / made.name).read_bytes())
    content[len(content) // 2] ^= 1
    (site / made.name).write_bytes(content)
    with browser() as chromium, served(site) as address, watched(chromium) as seen:
        seen.page.goto(address)
        seen.page.wait_for_function("document.getElementById('told').textContent.includes('SHA-256')", timeout=60_000)
        assert f"{made.name} is damaged" in seen.page.inner_text("#told")


def test_what_cannot_be_packaged_is_refused(tmp_path, capsys):
    made = make_null(tmp_path / "g.null", LATENT)
    out = str(tmp_path / "site")
    assert run(["package", str(made), "--for", "browser", "--out", out]) == 4
    assert "browsers run litert and onnxruntime" in capsys.readouterr().err
    assert run(["package", str(made), "--for", "toaster", "--out", out]) == 2
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert run(["package", str(made), "--for", "browser", "--out", str(tmp_path / "full")]) == 2
    assert "holds something" in capsys.readouterr().err


def test_an_archive_that_is_not_the_published_one_is_refused(tmp_path, capsys):
    from edgegan.package import npm

    made = make_null(tmp_path / "g.onnx", LATENT)
    content = json.loads((tmp_path / "g.onnx.json").read_text())
    (tmp_path / "g.onnx.json").write_text(json.dumps(content | {"backend": "onnxruntime"}))
    out = str(tmp_path / "site")
    assert run(["package", str(made), "--for", "browser", "--out", out, "--npm", str(tmp_path)]) == 2
    assert "npm pack onnxruntime-web@" in capsys.readouterr().err
    (tmp_path / npm.archive_name(npm.ONNXRUNTIME)).write_bytes(b"something else")
    assert run(["package", str(made), "--for", "browser", "--out", out, "--force", "--npm", str(tmp_path)]) == 6
    assert "is not what onnxruntime-web" in capsys.readouterr().err

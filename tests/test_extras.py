"""Each extra alone, in a fresh environment, does its part: some of them here, all with ``make extras``
(EDGEGAN_EXTRAS=all)."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgegan.core.signing import sign
from tests.conftest import LATENT, PHOTO, make_null
from tests.installs import ROOT, built_wheel, installed

SAMPLED = ("litert", "serve", "sign")
LOADS = "edgegan run {artifacts}/{backend}/g.{suffix} --count 2 --out out && test -s out/0001.png"
LIGHT = {
    "onnxruntime": LOADS.replace("{backend}", "onnxruntime").replace("{suffix}", "onnx"),
    "litert": LOADS.replace("{backend}", "litert").replace("{suffix}", "tflite"),
    "openvino": LOADS.replace("{backend}", "openvino").replace("{suffix}", "onnx"),
    "pictures": "edgegan run photo.null photo.png --out out && test -s out/photo.png",
    "video": "edgegan run photo.null clip.mp4 --out out && test -s out/clip.mp4",
    "sign": "edgegan inspect signed.null --key public.pem",
    "serve": "(timeout 10 edgegan serve signed.null --port 0 || true) | head -1 | grep http",
    "nvml": "edgegan doctor --json",
    "tensorrt": "edgegan doctor --json",
}
COMPRESS = "edgegan compress --fd-samples 0 --out out --target"
KERAS = (
    "import os; os.environ['KERAS_BACKEND'] = 'torch'; import keras; keras.Sequential([keras.Input((8,)), "
    "keras.layers.Dense(192), keras.layers.Reshape((8, 8, 3))]).save('g.keras')"
)
NO_SSIM = (
    "import json; told = json.load(open('out/report.json'))['result']['quality']; "
    "assert told['ssim'] is None and 'quality' in told['ssim_reason']"
)
HEAVY = {
    "compress,onnxruntime": f"{COMPRESS} x86-cpu --precision int8",
    "compress,mobile": f'{COMPRESS} mobile --precision int8 && python -c "{NO_SSIM}"',
    "compress,tensorrt-rtx,onnxruntime": f"{COMPRESS} rtx-40 --precision fp16",
    "compress,keras,onnxruntime": f'python -c "{KERAS}" && {COMPRESS} x86-cpu --precision fp32 g.keras',
    "compress,search,onnxruntime": "edgegan search --target x86-cpu --trials 1 --quality psnr --distill-steps 2",
    "compress,quality,onnxruntime": "edgegan compress --target x86-cpu --precision fp32 --fd-samples 64 --out out",
    "train": "edgegan train fashion-gan --data digits.npz --set batch=4 --steps 2 --out out",
    "cluster,onnxruntime": "edgegan package {artifacts}/onnxruntime/g.onnx --for ray-serve --out out && "
    "python -c 'import ray.serve'",
    "cuda": "edgegan doctor --json",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    from edgegan.graph.capture import capture
    from tests.artifacts import artifact
    from tests.subjects import TinyDcgan, randomized

    folder, graph = tmp_path_factory.mktemp("artifacts"), capture(randomized(TinyDcgan()), LATENT)
    for backend in ("onnxruntime", "openvino", "litert"):
        (folder / backend).mkdir()
        artifact(backend, folder / backend, graph)
    return folder


@pytest.fixture
def folder(tmp_path):
    """What commands find: null artifacts, one of them signed, a picture, a film, an archive of pictures."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    sign(make_null(tmp_path / "signed.null", LATENT), tmp_path / "key.pem")
    make_null(tmp_path / "photo.null", PHOTO)
    pictures = np.random.default_rng(0).integers(0, 256, (8, 28, 28, 3)).astype(np.uint8)
    Image.fromarray(pictures[0]).save(tmp_path / "photo.png")
    np.savez(tmp_path / "digits.npz", images=pictures[..., 0])
    film(tmp_path / "clip.mp4", pictures)
    return tmp_path


def film(path, pictures):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 28, 28, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.slow
@pytest.mark.parametrize("extra", [*LIGHT, *HEAVY])
def test_an_extra_alone_does_its_part(extra, wheel, artifacts, folder):
    if extra not in SAMPLED and os.environ.get("EDGEGAN_EXTRAS") != "all":
        pytest.skip("make extras")
    pins = ("-c", ROOT / "constraints-py311.txt") if sys.version_info[:2] == (3, 11) else ()
    there = installed(folder / "venv", sys.executable, *pins, f"{wheel}[{extra}]")
    command = ({**LIGHT, **HEAVY})[extra].replace("{artifacts}", str(artifacts))
    environment = {"PATH": f"{there.parent}:/usr/bin:/bin", "HOME": str(folder), "EDGEGAN_CACHE": str(folder / "cache")}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr

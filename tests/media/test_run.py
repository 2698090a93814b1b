"""``edgegan run`` as a user types it, on files as cameras and editors make them; Pillow, FFmpeg and PyTorch judge."""

import io
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch import nn

from edgegan.cli.app import run
from edgegan.core.manifest import read_manifest, write_manifest
from edgegan.core.sampling import float_to_image, pixels_to_float
from edgegan.core.spec import GeneratorSpec, TensorSpec
from edgegan.core.tiling import Tiling
from edgegan.graph.capture import capture
from tests.artifacts import artifact
from tests.conftest import LATENT, make_null

SIDE, SCALE = 24, 2
SPEC = GeneratorSpec(
    inputs=(TensorSpec(name="x", kind="image", shape=(3, SIDE, SIDE), range=(0.0, 1.0)),), output_range=(0.0, 1.0)
)


class Larger(nn.Module):
    """Enlarges by 2 and sharpens."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.sharpen = nn.Conv2d(3, 3, 3, 1, 1, padding_mode="replicate", bias=False)
        with torch.no_grad():
            self.sharpen.weight.zero_()
            for channel in range(3):
                self.sharpen.weight[channel, channel] = torch.tensor([[0, -0.1, 0], [-0.1, 1.4, -0.1], [0, -0.1, 0]])

    def forward(self, x):
        return nn.functional.interpolate(self.sharpen(x), scale_factor=SCALE, mode="nearest")


def whole(pixels):
    """What the network makes of the picture at once."""
    with torch.no_grad():
        made = Larger()(torch.from_numpy(pixels_to_float(pixels[None], (0, 1))))
    return float_to_image(made.numpy(), (0, 1))[0]


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    path = artifact("onnxruntime", tmp_path_factory.mktemp("larger"), capture(Larger(), SPEC))
    tiling = Tiling(stride=1, scale=Fraction(SCALE), margin=1).to_json()
    write_manifest(path, read_manifest(path).content | {"tiling": tiling})
    return path


def picture(width=70, height=50, seed=0):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def clip(path, frames=12, size=(48, 36), sound=True, options=None):
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream("libx264", rate=12, options={"crf": "1", "g": "4"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = container.add_stream("aac", rate=8000) if sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture(*size), index, 1), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio:
            tone = (np.sin(np.arange(8192) / 10) * 0.3).astype(np.float32)[None]
            samples = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            samples.rate = 8000
            container.mux(audio.encode(samples))
            container.mux(audio.encode())
    return path


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def done(capsys, *arguments, code=0):
    assert run(["run", *map(str, arguments)]) == code
    return capsys.readouterr()


def test_a_photograph_of_any_size_is_the_network_on_the_whole(larger, tmp_path, capsys):
    pixels = picture()
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    told = json.loads(done(capsys, larger, tmp_path / "photo.png", "--out", tmp_path / "out", "--json").out)
    assert told["written"] == [str(tmp_path / "out/photo.png")] and told["images"] == 1 and not told["skipped"]
    made = np.asarray(opened(tmp_path / "out/photo.png"))
    assert np.abs(made.astype(int) - whole(pixels)).max() <= 1


def test_orientation_alpha_depth_print_and_profile(larger, tmp_path, capsys):
    pixels, source = picture(), tmp_path / "in"
    source.mkdir()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    Image.fromarray(pixels).save(source / "turned.png", exif=exif, icc_profile=profile)
    seen = Image.fromarray(pixels).convert("RGBA")
    seen.putalpha(Image.fromarray(pixels[..., 0]))
    seen.save(source / "seen.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(source / "deep.png")
    Image.fromarray(pixels).convert("CMYK").save(source / "print.jpg", quality=95)
    Image.fromarray(pixels).quantize(16).save(source / "palette.gif")
    Image.new("RGB", (1, 1), (9, 99, 199)).save(source / "one.bmp")
    out = done(capsys, larger, source, "--out", tmp_path / "out").out
    assert "16 bits" in out and "CMYK" in out

    made = {file.stem: opened(file) for file in (tmp_path / "out").iterdir()}
    assert set(made) == {"turned", "seen", "deep", "print", "palette", "one"}
    turned = made["turned"]
    assert turned.size == (100, 140) and turned.info["icc_profile"] == profile
    assert 0x0112 not in turned.getexif() and turned.getexif()[0x010F] == "Camera"
    assert np.abs(np.asarray(turned).astype(int) - whole(np.rot90(pixels, -1).copy())).max() <= 1
    assert made["seen"].mode == "RGBA" and made["seen"].size == (140, 100)
    assert np.abs(np.asarray(made["seen"])[..., :3].astype(int) - whole(pixels)).max() <= 1
    grey = whole(pixels[..., :1].repeat(3, 2))
    assert np.abs(np.asarray(made["deep"]).astype(int) - grey).max() <= 1
    assert made["one"].size == (2, 2)
    assert np.abs(np.asarray(made["one"])[0, 0].astype(int) - (9, 99, 199)).max() <= 1


def test_a_broken_file_among_many_is_skipped_and_counted(larger, tmp_path, capsys):
    source = tmp_path / "in"
    (source / "below").mkdir(parents=True)
    for index in range(5):
        Image.fromarray(picture(seed=index)).save(source / "below" / f"{index}.png")
    Image.fromarray(picture()).save(source / "0.jpg")
    (source / "notes.txt").write_text("no picture")
    whole_file = (source / "below/3.png").read_bytes()
    (source / "below/3.png").write_bytes(whole_file[: len(whole_file) // 2])
    told = done(capsys, larger, source, "--out", tmp_path / "out", "--json", code=2)
    assert "1 of 6 inputs could not be read" in told.err and "3.png" in told.err
    assert len(json.loads(told.out)["written"]) == 5
    assert {str(f.relative_to(tmp_path / "out")) for f in (tmp_path / "out").rglob("*.png")} == {
        "0.png", "below/0.png", "below/1.png", "below/2.png", "below/4.png"
    }  # fmt: skip


def test_two_results_of_one_name_are_told_apart(larger, tmp_path, capsys):
    for suffix in ("png", "bmp"):
        Image.fromarray(picture()).save(tmp_path / f"a.{suffix}")
    done(capsys, larger, tmp_path / "a.png", tmp_path / "a.bmp", "--out", tmp_path / "out", "--format", "webp")
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"a.webp", "a-2.webp"}


@pytest.mark.parametrize("fit,size", [("resize", (140, 100)), ("letterbox", (140, 100)), ("crop", (48, 48))])
def test_other_ways_to_fit(larger, tmp_path, capsys, fit, size):
    flat = np.full((50, 70, 3), (200, 100, 50), np.uint8)
    Image.fromarray(flat).save(tmp_path / "a.png")
    done(capsys, larger, tmp_path / "a.png", "--out", tmp_path / "out", "--fit", fit)
    made = opened(tmp_path / "out/a.png")
    assert made.size == size
    assert np.abs(np.asarray(made).astype(int) - (200, 100, 50)).max() <= 1


def test_what_may_not_be_cut_is_resized_and_says_so(larger, tmp_path, capsys):
    artifact = tmp_path / "g.onnx"
    artifact.write_bytes(larger.read_bytes())
    content = json.loads(larger.with_name("g.onnx.json").read_text())
    artifact.with_name("g.onnx.json").write_text(json.dumps(content | {"tiling": None, "tiling_reason": "it sees all"}))
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert "resized: it sees all" in done(capsys, artifact, tmp_path / "a.png", "--out", tmp_path / "o").out
    told = done(capsys, artifact, tmp_path / "a.png", "--out", tmp_path / "o", "--fit", "tile", code=2)
    assert "it sees all; give --overlap" in told.err
    done(capsys, artifact, tmp_path / "a.png", "--out", tmp_path / "o", "--fit", "tile", "--overlap", 2)
    assert np.abs(np.asarray(opened(tmp_path / "o/a.png")).astype(int) - whole(picture())).max() <= 1


def test_standard_streams(larger, tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG")
    edgegan = Path(sys.executable).parent / "edgegan"
    piped = subprocess.run([edgegan, "run", larger, "-", "--out", "-"], input=buffer.getvalue(), capture_output=True)
    assert piped.returncode == 0, piped.stderr
    made = np.asarray(Image.open(io.BytesIO(piped.stdout)))
    assert np.abs(made.astype(int) - whole(picture())).max() <= 1


def test_a_video_keeps_its_frames_rate_and_sound(larger, tmp_path, capsys):
    clip(tmp_path / "clip.mp4")
    told = json.loads(done(capsys, larger, tmp_path / "clip.mp4", "--out", tmp_path / "out", "--json").out)
    assert told["images"] == 12 and told["images_per_second"] > 0
    with av.open(str(tmp_path / "out/clip.mp4")) as made, av.open(str(tmp_path / "clip.mp4")) as source:
        assert made.streams.video[0].average_rate == 12 and len(made.streams.audio) == 1
        frames = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        shown = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    assert len(frames) == 12 and frames[0].shape == (72, 96, 3)
    for frame, given in zip(frames, shown, strict=True):
        assert np.abs(frame.astype(int) - whole(given)).mean() < 8


def test_a_video_that_ends_in_the_middle(larger, tmp_path, capsys):
    clip(tmp_path / "clip.mp4", frames=40, sound=False)
    clip(tmp_path / "fast.mp4", frames=40, sound=False, options={"movflags": "faststart"})
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "fast.mp4").write_bytes(data[: len(data) * 2 // 3])
    told = done(capsys, larger, tmp_path / "fast.mp4", "--out", tmp_path / "out", code=2)
    assert "what was whole is written" in told.err
    with av.open(str(tmp_path / "out/fast.mp4")) as made:
        assert 10 < sum(1 for _ in made.decode(video=0)) < 40
    (tmp_path / "headless.mp4").write_bytes((tmp_path / "clip.mp4").read_bytes()[:2000])
    told = done(capsys, larger, tmp_path / "headless.mp4", "--out", tmp_path / "out", code=2)
    assert "no video that can be read" in told.err and not (tmp_path / "out/headless.mp4").exists()


def test_so_many_frames(larger, tmp_path, capsys):
    clip(tmp_path / "clip.mp4")
    done(capsys, larger, tmp_path / "clip.mp4", "--out", tmp_path / "out", "--frames", 5)
    with av.open(str(tmp_path / "out/clip.mp4")) as made:
        assert sum(1 for _ in made.decode(video=0)) == 5


def test_samples(tmp_path, capsys):
    artifact = make_null(tmp_path / "g.null", LATENT)
    done(capsys, artifact, "--count", 3, "--seed", 0, "--out", tmp_path / "out")
    assert sorted(f.name for f in (tmp_path / "out").iterdir()) == ["0000.png", "0001.png", "0002.png"]


@pytest.mark.parametrize(
    "arguments,code,said",
    [
        (["nothing.png"], 2, "no such file"),
        (["EMPTY"], 2, "no pictures or videos in this folder"),
        (["camera:77"], 8, "there is no camera"),
        ([], 2, "takes a picture"),
        (["PHOTO", "--fit", "stretch"], 2, "--fit stretch: one of"),
        (["PHOTO", "--format", "heic"], 2, "--format heic: one of"),
        (["PHOTO", "--overlap", "12"], 2, "leaves nothing"),
    ],
)
def test_bad_input(larger, tmp_path, capsys, arguments, code, said):
    (tmp_path / "empty").mkdir()
    Image.fromarray(picture()).save(tmp_path / "photo.png")
    names = {"EMPTY": str(tmp_path / "empty"), "PHOTO": str(tmp_path / "photo.png")}
    told = done(capsys, larger, *[names.get(a, a) for a in arguments], "--out", tmp_path / "out", code=code)
    assert said in told.err and "Traceback" not in told.err


def test_a_picture_too_large_is_refused_by_its_header(larger, tmp_path, capsys):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    (tmp_path / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    told = done(capsys, larger, tmp_path / "huge.png", "--out", tmp_path / "out", code=2)
    assert "huge.png" in told.err and "pixels" in told.err


def test_options_of_samples_are_checked(tmp_path, capsys):
    artifact = make_null(tmp_path / "g.null", LATENT)
    for arguments, said in (
        (["--class", 3], "takes no class"),
        (["--set", "z"], "NAME=VALUE"),
        (["--set", "w=1"], "there is no input 'w'"),
        (["--truncation", 0], "at least 0.01"),
        (["photo.png"], "no such file"),
    ):
        assert said in done(capsys, artifact, *arguments, "--out", tmp_path / "o", code=2).err

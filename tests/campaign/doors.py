"""What lets files in: for each kind of file a way to change it, and the calls that read it, as a user's commands make
them."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.campaign import mutate

SEEDS_OF_ARTIFACTS = ("null", "onnxruntime", "openvino", "litert")
Door = Callable[[Path], None]


@dataclass(frozen=True)
class Kind:
    """``change`` makes a hostile copy of a seed in a folder and returns its path; ``doors`` read it, by their name."""

    share: int
    change: Callable[[Path, Path, random.Random], Path]
    doors: dict[str, Door]


def drawn(campaign: int, number: int) -> tuple[str, random.Random]:
    """The kind of a case, and what the rest of it is drawn from."""
    rng = random.Random(f"{campaign} {number}")
    return rng.choices(list(KINDS), [kind.share for kind in KINDS.values()])[0], rng


def load_and_run(path: Path) -> None:
    """As serve and run do, which hold a process that must not crash."""
    from edgegan.runtime import load
    from edgegan.runtime.tried import try_first

    try_first(path)
    with load(path, threads=1) as generator:
        generator.sample(2, seed=0)


def inspect(path: Path) -> None:
    from edgegan.bench.layers import insides
    from edgegan.core.manifest import read_manifest

    read_manifest(path)
    insides(path)


def benchmark(path: Path) -> None:
    from edgegan.bench.single import bench

    bench(path, threads=1, seconds=0.02, warmup=0.0, power_seconds=0)


def compress_whole(path: Path) -> None:
    """The whole command, as short as it goes."""
    from edgegan.compress import compress

    compress(str(path), "jetson-orin", out=path.parent / "out", precision="fp32", fd_samples=0, threads=1)


def read_model(path: Path) -> None:
    """As compress begins: loaded, captured, run once."""
    from edgegan.graph.capture import capture
    from edgegan.models.loading import load_model

    loaded = load_model(str(path), [], None, None, None, 1)
    capture(loaded.module, loaded.spec)


def read_weights(path: Path) -> None:
    from edgegan.models.loading import load_model

    load_model(f"{path.parents[1] / 'subject.py'}:latent", ["latent:8x1x1"], None, path, None, 1)


def read_pictures(path: Path) -> None:
    from edgegan.core.images import read_images

    read_images(path if path.suffix in (".npz", ".npy", ".gz") else path.parent, size=(16, 16))


def send_picture(path: Path) -> None:
    """As serve and run take one."""
    from edgegan.media.pictures import read

    read(path, 3)


def unpack(path: Path) -> None:
    from edgegan.export.bundle import unpack_bundle

    (path.parent / "unpacked").mkdir()
    unpack_bundle(path, path.parent / "unpacked")


def read_target(path: Path) -> None:
    from edgegan.core.target import load_target

    load_target(str(path))


def read_recipe(path: Path) -> None:
    from edgegan.train.recipe import load_recipe

    load_recipe(path)


def read_baseline(path: Path) -> None:
    from edgegan.bench.gate import read_baseline, regressions

    before = read_baseline(path)
    regressions(read_baseline(path.parent / "sound.json"), before, 0.05)


def parse_specs(path: Path) -> None:
    from edgegan.core.spec import parse_input, parse_range

    text = path.read_text(errors="replace")
    parse_input(text, "x")
    parse_range(text.partition("@")[2] or text, "--output-range")


def _artifact(seeds: Path, folder: Path, rng: random.Random, signed: bool) -> Path:
    """An artifact of some backend whose bytes are damaged; ``signed``: its manifest's hashes are made to fit."""
    source = seeds / "artifacts" / rng.choice(SEEDS_OF_ARTIFACTS)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    path = next(p for p in folder.iterdir() if p.suffix != ".json")
    path.write_bytes(mutate.damaged(path.read_bytes(), rng))
    if signed:
        manifest = path.with_name(path.name + ".json")
        content = json.loads(manifest.read_text())
        content["files"][0] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        manifest.write_text(json.dumps(content))
    return path


def damaged_artifact(seeds: Path, folder: Path, rng: random.Random) -> Path:
    return _artifact(seeds, folder, rng, signed=False)


def signed_artifact(seeds: Path, folder: Path, rng: random.Random) -> Path:
    return _artifact(seeds, folder, rng, signed=True)


def edited_manifest(seeds: Path, folder: Path, rng: random.Random) -> Path:
    shutil.copytree(seeds / "artifacts" / rng.choice(SEEDS_OF_ARTIFACTS), folder, dirs_exist_ok=True)
    path = next(p for p in folder.iterdir() if p.suffix != ".json")
    manifest = path.with_name(path.name + ".json")
    change = mutate.edited_json if rng.random() < 0.9 else mutate.damaged
    manifest.write_bytes(change(manifest.read_bytes(), rng))
    return path


def _one_of(kind: str, suffixes: tuple[str, ...], *changes: Callable[[bytes, random.Random], bytes]):
    def change(seeds: Path, folder: Path, rng: random.Random) -> Path:
        source = rng.choice(sorted(p for p in (seeds / kind).iterdir() if p.name.endswith(suffixes)))
        path = folder / source.name
        path.write_bytes(rng.choice(changes)(source.read_bytes(), rng))
        return path

    return change


def edited_report(seeds: Path, folder: Path, rng: random.Random) -> Path:
    shutil.copy(seeds / "texts" / "report.json", folder / "sound.json")
    return _one_of("texts", ("report.json",), mutate.edited_json, mutate.damaged)(seeds, folder, rng)


def spec(seeds: Path, folder: Path, rng: random.Random) -> Path:
    """A text near an input's specification."""
    words = [
        "latent:",
        "image:",
        "label:",
        "onehot:",
        "3",
        "x",
        "@",
        ",",
        "-",
        "1e999",
        "0.5",
        "٣",
        "nan",
        "100",
        ":",
        "\x00",
    ]
    path = folder / "spec.txt"
    path.write_text("".join(rng.choice(words) for _ in range(rng.randrange(1, 9))))
    return path


ARCHIVE = (mutate.edited_archive, mutate.edited_archive, mutate.damaged)
KINDS: dict[str, Kind] = {
    "artifact, damaged": Kind(20, damaged_artifact, {"load": load_and_run, "inspect": inspect}),
    "artifact, damaged and signed anew": Kind(12, signed_artifact, {"load": load_and_run, "inspect": inspect}),
    "manifest": Kind(16, edited_manifest, {"load": load_and_run, "inspect": inspect}),
    "artifact, measured": Kind(2, signed_artifact, {"bench": benchmark}),
    "bundle": Kind(10, _one_of("bundles", (".edgegan",), *ARCHIVE), {"build": unpack}),
    "model .onnx": Kind(8, _one_of("models", (".onnx",), mutate.damaged), {"compress": read_model}),
    "model .onnx, compressed": Kind(1, _one_of("models", (".onnx",), mutate.damaged), {"compress": compress_whole}),
    "model .pt2": Kind(2, _one_of("models", (".pt2",), *ARCHIVE), {"compress": read_model}),
    "weights": Kind(
        8, _one_of("models", (".safetensors", ".pt"), mutate.damaged, mutate.edited_archive), {"compress": read_weights}
    ),
    "npz, npy, IDX": Kind(
        8, _one_of("data", (".npz", ".npy", ".gz"), mutate.damaged, mutate.edited_archive), {"compress": read_pictures}
    ),
    "picture": Kind(
        10,
        _one_of("data", (".png", ".jpg", ".gif", ".tif", ".webp", ".bmp"), mutate.damaged),
        {"compress": read_pictures, "serve": send_picture},
    ),
    "target": Kind(
        4, _one_of("texts", ("target.toml",), mutate.edited_text, mutate.damaged), {"compress": read_target}
    ),
    "recipe": Kind(4, _one_of("texts", ("recipe.toml",), mutate.edited_text, mutate.damaged), {"train": read_recipe}),
    "report": Kind(4, edited_report, {"bench": read_baseline}),
    "input specification": Kind(4, spec, {"compress": parse_specs}),
}

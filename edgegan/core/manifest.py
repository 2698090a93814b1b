"""The artifact's sidecar: what it is, what goes in and out, and the hashes that protect it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from edgegan import __version__
from edgegan.core.errors import ArtifactError, first_line
from edgegan.core.files import sha256, write_bytes, write_json
from edgegan.core.spec import KINDS, GeneratorSpec, TensorSpec

if TYPE_CHECKING:
    from edgegan.core import schemas

SCHEMA: Literal[1] = 1
LARGE = 1 << 31
"""What no count of a sound manifest exceeds."""
DISTRIBUTIONS = {"latent": "standard normal", "label": "class index", "onehot": "one-hot vector", "image": "image"}
TEXTS = (
    "artifact", "backend", "backend_version", "target", "precision", "model", "weights_sha256", "edgegan_version",
    "created",
)  # fmt: skip
REQUIRED = ("schema", "files", "inputs", "outputs", "batch", "build", *TEXTS)


def free_batch_range(batches: Sequence[int]) -> schemas.BatchRange:
    """The manifest's ``batch`` of an artifact that takes any number of samples from the least to the most, of the
    least, the usual and the most."""
    least, usual, most = batches
    return {"min": least, "max": most, "usual": usual}


@dataclass(frozen=True)
class Manifest:
    """A manifest that was read and whose form is sound; ``content`` is the JSON as it stands."""

    path: Path
    content: dict[str, Any]

    @property
    def artifact(self) -> Path:
        return self.path.parent / str(self.content["artifact"])

    @property
    def backend(self) -> str:
        return str(self.content["backend"])

    @property
    def batch(self) -> int:
        """The batch size that the artifact runs at once; of several, the one for which it is fastest."""
        return int(self.content["batch"].get("usual", self.content["batch"]["max"]))

    @property
    def batches(self) -> tuple[int, int]:
        """The least and the most samples that it takes at once."""
        return int(self.content["batch"]["min"]), int(self.content["batch"]["max"])

    @property
    def spec(self) -> GeneratorSpec:
        inputs = tuple(
            TensorSpec(
                name=i["name"],
                kind=i["kind"],
                shape=tuple(i["shape"][1:]),
                range=tuple(i["range"]) if i.get("range") else None,
                classes=i.get("classes"),
                truncation=i.get("truncation"),
            )
            for i in self.content["inputs"]
        )
        low, high = self.content["outputs"][0]["range"]
        return GeneratorSpec(inputs=inputs, output_range=(low, high))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(C, H, W) of the image, without batch, in whatever layout the artifact gives it."""
        shape = tuple(self.content["outputs"][0]["shape"][1:])
        return (shape[-1], *shape[:-1]) if self.gives_pixels else shape

    @property
    def gives_pixels(self) -> bool:
        """Whether the artifact itself ends in uint8 (N, H, W, C)."""
        return bool(self.content["outputs"][0]["dtype"] == "uint8")


def manifest_path(artifact: Path) -> Path:
    return artifact.with_name(artifact.name + ".json")


def now() -> str:
    """The manifest's ``created``."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def signature_path(artifact: Path) -> Path:
    return artifact.with_name(artifact.name + ".sig")


def describe(
    *,
    artifact: Path,
    backend: str,
    backend_version: str,
    target: str,
    precision: str,
    spec: GeneratorSpec,
    output_shape: tuple[int, ...],
    batch: int,
    model: str,
    weights_sha256: str,
    build: dict[str, Any],
    exceptions: dict[str, str] | None = None,
    extra_files: tuple[Path, ...] = (),
    pixels: bool = False,
) -> schemas.Manifest:
    """The manifest of ``artifact`` (and ``extra_files`` beside it) as JSON. ``output_shape`` is (C, H, W); ``pixels``:
    the artifact gives it as uint8 (N, H, W, C)."""
    return {
        "schema": SCHEMA,
        "artifact": artifact.name,
        "files": [file_entry(file) for file in (artifact, *extra_files)],
        "backend": backend,
        "backend_version": backend_version,
        "target": target,
        "precision": precision,
        "precision_exceptions": exceptions or {},
        "inputs": [_input(i) for i in spec.inputs],
        "outputs": [_image(spec, output_shape, pixels)],
        "batch": {"min": batch, "max": batch},
        "model": model,
        "weights_sha256": weights_sha256,
        "edgegan_version": __version__,
        "created": now(),
        "build": build,
    }


def file_entry(file: Path) -> schemas.FileEntry:
    """What a manifest says of one of its files."""
    return {"name": file.name, "sha256": sha256(file), "bytes": file.stat().st_size}


def _input(spec: TensorSpec) -> schemas.Input:
    return {
        "name": spec.name,
        "kind": cast("schemas.Kind", spec.kind),
        "shape": [None, *spec.shape],
        "dtype": spec.dtype,
        "layout": "NCHW" if len(spec.shape) == 3 else "N" + "C" * len(spec.shape),
        "range": list(spec.range) if spec.range else None,
        "distribution": DISTRIBUTIONS[spec.kind],
        "classes": spec.classes,
        "truncation": spec.truncation,
    }


def _image(spec: GeneratorSpec, shape: tuple[int, ...], pixels: bool) -> schemas.Output:
    return {
        "name": spec.output_name,
        "kind": "image",
        "shape": [None, *((*shape[1:], shape[0]) if pixels else shape)],
        "dtype": "uint8" if pixels else "float32",
        "layout": "NHWC" if pixels else "NCHW",
        "range": list(spec.output_range),
        "distribution": "image",
    }


def copy_artifact(manifest: Manifest, out: Path) -> None:
    """Put an artifact's files, and its manifest, into the folder ``out``."""
    folder = manifest.path.parent
    signature = signature_path(manifest.artifact)
    if signature.exists():
        write_bytes(out / signature.name, signature.read_bytes())
    for name in (*(str(entry["name"]) for entry in manifest.content["files"]), manifest.path.name):
        write_bytes(out / name, (folder / name).read_bytes())


def write_manifest(artifact: Path, content: Mapping[str, Any]) -> Path:
    path = manifest_path(artifact)
    write_json(path, content)
    return path


def read_manifest(artifact: Path) -> Manifest:
    """Read and verify the sidecar of ``artifact``: its form, that it names this file, size and SHA-256 of every file.

    Raises ArtifactError naming what is wrong.
    """
    artifact = Path(artifact)
    if not artifact.is_file():
        raise ArtifactError(f"{artifact}: no such file")
    path = manifest_path(artifact)
    if not path.is_file():
        raise ArtifactError(
            f"{artifact} has no manifest {path.name} beside it; copy both files, or export the model again"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ArtifactError(f"{path} is damaged: {exc}") from exc
    _check_form(path, content)
    if content["artifact"] != artifact.name:
        raise ArtifactError(
            f"{path} belongs to {content['artifact']!r}, not to {artifact.name!r}; the two were swapped"
        )
    _check_files(artifact.parent, content["files"])
    return Manifest(path, content)


def _check_form(path: Path, content: Any) -> None:
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ArtifactError(f"{path} is not a manifest of schema {SCHEMA}")
    missing = [key for key in REQUIRED if key not in content]
    if missing:
        raise ArtifactError(f"{path} is damaged: it lacks {', '.join(missing)}")
    try:
        wrong = [key for key in TEXTS if not isinstance(content[key], str)]
        wrong += [key for key in ("inputs", "outputs") if not content[key] or not all(map(_is_tensor, content[key]))]
        wrong += [] if _is_range(content["outputs"][0]["range"]) else ["outputs"]
        wrong += [] if _is_batch(content["batch"]) else ["batch"]
        wrong += [] if isinstance(content["build"], dict) else ["build"]
        wrong += [] if content["files"] and all(map(_is_file, content["files"])) else ["files"]
        wrong += [] if content["files"][0]["name"] == content["artifact"] else ["files"]
        wrong += [] if _is_tiling(content.get("tiling")) else ["tiling"]
    except (KeyError, TypeError, IndexError, AttributeError) as exc:
        raise ArtifactError(f"{path} is damaged: it does not have the form of a manifest ({first_line(exc)})") from exc
    if wrong:
        raise ArtifactError(f"{path} is damaged: {', '.join(dict.fromkeys(wrong))} do not have a manifest's form")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGE


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]


def _is_tensor(value: dict[str, Any]) -> bool:
    shape, truncation, classes = value["shape"], value.get("truncation"), value.get("classes")
    return (
        value["kind"] in KINDS
        and isinstance(value["name"], str)
        and isinstance(value["dtype"], str)
        and isinstance(shape, list)
        and shape[0] is None
        and all(map(_is_count, shape[1:]))
        and math.prod(shape[1:]) <= LARGE
        and (
            _is_range(value["range"])
            if value["kind"] == "image"
            else value.get("range") is None or _is_range(value["range"])
        )
        and (classes is None or _is_count(classes))
        and (classes is not None or value["kind"] not in ("label", "onehot"))
        and (truncation is None or (_is_number(truncation) and truncation > 0))
    )


def _is_batch(value: dict[str, Any]) -> bool:
    least, most = value["min"], value["max"]
    usual = value.get("usual", most)
    return all(map(_is_count, (least, most, usual))) and least <= usual <= most


def _is_file(value: dict[str, Any]) -> bool:
    return isinstance(value["name"], str) and isinstance(value["sha256"], str) and isinstance(value["bytes"], int)


def _is_tiling(value: Any) -> bool:
    """Null, or whole numbers; the receptive field may be null."""
    if value is None:
        return True
    up, down = value["scale"]
    field = value.get("receptive_field")
    counts = (value["stride"], up, down, value["margin"] + 1, *(() if field is None else (field,)))
    return all(map(_is_count, counts))


def _check_files(folder: Path, files: list[dict[str, Any]]) -> None:
    for entry in files:
        name = str(entry["name"])
        if Path(name).name != name:
            raise ArtifactError(f"the manifest names a file outside its folder: {name!r}")
        file = folder / name
        if not file.is_file():
            raise ArtifactError(f"{file} is missing; the manifest lists it")
        if file.stat().st_size != entry["bytes"]:
            raise ArtifactError(f"{file} is damaged: {file.stat().st_size} bytes, the manifest says {entry['bytes']}")
        if sha256(file) != entry["sha256"]:
            raise ArtifactError(f"{file} is damaged: its SHA-256 is not the manifest's")

"""``--for cpp``: C++17 over the artifact's own runtime, with the latents of Python."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgegan.core.errors import TargetError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest, copy_artifact
from edgegan.core.spec import TensorSpec

PARTS = ("generator.hpp", "random.hpp", "main.cpp")
RUNTIMES = ("openvino", "litert", "onnxruntime")
CHECKED = ("openvino", "litert")
"""Those whose code our tests compile and run."""
FOUND_BY = {
    "openvino": " -DOpenVINO_DIR=$(python -c 'import openvino.utils as u; print(u.get_cmake_path())')",
    "litert": " -DLITERT_FOLDER=$(python -c 'import ai_edge_litert as p; print(p.__path__[0])')",
}
"""What tells CMake where the runtime of the Python package lies."""
MOST_SIDES = 4


def package(manifest: Manifest, out: Path) -> list[str]:
    """Write sources, a CMake file and the artifact; returns what to do next. Raises TargetError for another backend,
    and for an artifact that ends in pixels."""
    if manifest.backend not in RUNTIMES:
        raise TargetError(
            f"{manifest.artifact.name} is for {manifest.backend}; C++ is written over {', '.join(RUNTIMES)}: "
            "compress with --target x86-cpu or mobile"
        )
    if manifest.gives_pixels:
        raise TargetError("--for cpp takes float outputs: compress without --uint8-output")
    copy_artifact(manifest, out)
    folder = files("edgegan.package") / "native"
    for name in PARTS:
        write_bytes(out / name, (folder / name).read_bytes())
    write_bytes(out / "session.hpp", (folder / f"session-{manifest.backend}.hpp").read_bytes())
    write_bytes(out / "CMakeLists.txt", (folder / f"CMakeLists-{manifest.backend}.txt").read_bytes())
    write_bytes(out / "manifest.hpp", header(manifest).encode())
    steps = [
        f"cmake -S {out} -B {out / 'build'}{FOUND_BY.get(manifest.backend, '')} && cmake --build {out / 'build'}",
        f"{out / 'build' / 'generate'} {out / manifest.artifact.name} 4 0",
    ]
    if manifest.backend not in CHECKED:
        steps.append(f"our tests do not compile the code for {manifest.backend}: no header of it is at hand there")
    return steps


def header(manifest: Manifest) -> str:
    """What the sources must know of the artifact."""
    low, high = manifest.spec.output_range
    channels, height, width = (manifest.output_shape[0], *((1, *manifest.output_shape[1:])[-2:]))
    precision = str(manifest.content["build"].get("inference_precision", "f32"))
    inputs = ",\n".join(f"    {_input(i)}" for i in manifest.spec.inputs)
    return f"""// What {manifest.artifact.name} takes and gives; written by edgegan package.
#pragma once

#include <cstddef>

namespace edgegan {{

enum class Kind {{ latent, image, label, onehot }};

struct Input {{
  const char* name;
  Kind kind;
  std::size_t shape[{MOST_SIDES}], rank, classes;
  double low, high, truncation;

  std::size_t size() const {{
    std::size_t product = 1;
    for (std::size_t side = 0; side < rank; side++) product *= shape[side];
    return product;
  }}
}};

struct Output {{
  std::size_t channels, height, width;
  double low, high;
}};

inline constexpr std::size_t kBatch = {manifest.batch};
inline constexpr const char* kPrecision = "{precision}";
inline const Input kInputs[] = {{
{inputs}
}};
inline constexpr Output kOutput = {{{channels}, {height}, {width}, {low!r}, {high!r}}};

}}  // namespace edgegan
"""


def _input(spec: TensorSpec) -> str:
    shape = ", ".join(map(str, spec.shape)) or "1"
    low, high = spec.range or (0.0, 0.0)
    name = spec.name.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'{{"{name}", Kind::{spec.kind}, {{{shape}}}, {len(spec.shape)}, {spec.classes or 0}, {low!r}, {high!r}, '
        f"{spec.truncation or 0.0!r}}}"
    )

"""``--for android``: a Gradle project in Kotlin on LiteRT's CompiledModel, with the latents of Python."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgegan.core.errors import TargetError
from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest
from edgegan.core.spec import TensorSpec

SOURCES = ("Random.kt", "Generator.kt", "MainActivity.kt")
PLACES = {"settings.gradle.kts": "settings.gradle.kts", "build.gradle.kts": "app/build.gradle.kts"} | {
    "AndroidManifest.xml": "app/src/main/AndroidManifest.xml"
}


def package(manifest: Manifest, out: Path) -> list[str]:
    """Write the project; returns what to do next. Raises TargetError for another backend than LiteRT, and for an
    artifact that ends in pixels."""
    if manifest.backend != "litert":
        raise TargetError(f"{manifest.artifact.name} is for {manifest.backend}; Android runs LiteRT: --target mobile")
    if manifest.gives_pixels:
        raise TargetError("--for android takes float outputs: compress without --uint8-output")
    folder, sources = files("edgegan.package") / "kotlin", out / "app/src/main/java/edgegan"
    for name, place in PLACES.items():
        write_bytes(out / place, (folder / name).read_bytes())
    for name in SOURCES:
        write_bytes(sources / name, (folder / name).read_bytes())
    write_bytes(sources / "Artifact.kt", constants(manifest).encode())
    assets = out / "app/src/main/assets"
    write_bytes(assets / manifest.artifact.name, manifest.artifact.read_bytes())
    return [
        f"open {out} in Android Studio, or run gradle :app:assembleDebug there",
        "not built by our tests: no Android SDK was at hand",
    ]


def constants(manifest: Manifest) -> str:
    """What the sources must know of the artifact."""
    low, high = manifest.spec.output_range
    channels, height, width = (manifest.output_shape[0], *((1, *manifest.output_shape[1:])[-2:]))
    inputs = ",\n".join(f"        {_input(i)}" for i in manifest.spec.inputs)
    return f"""package edgegan

data class Input(
    val name: String, val kind: String, val shape: List<Int>, val classes: Int,
    val low: Double, val high: Double, val truncation: Double,
)

/** What {manifest.artifact.name} takes and gives; written by edgegan package. */
object Artifact {{
    const val FILE = "{manifest.artifact.name}"
    const val BATCH = {manifest.batch}
    const val CHANNELS = {channels}
    const val HEIGHT = {height}
    const val WIDTH = {width}
    const val LOW = {low!r}
    const val HIGH = {high!r}
    val INPUTS = listOf(
{inputs},
    )
}}
"""


def _input(spec: TensorSpec) -> str:
    low, high = spec.range or (0.0, 0.0)
    name = spec.name.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    sides = ", ".join(map(str, spec.shape))
    return (
        f'Input("{name}", "{spec.kind}", listOf({sides}), {spec.classes or 0}, {float(low)!r}, {float(high)!r}, '
        f"{float(spec.truncation or 0.0)!r})"
    )

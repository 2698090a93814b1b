"""An engine built on the device, by its own TensorRT for its own GPU: 8.6, 10 or 11."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgegan.core.errors import TargetError
from edgegan.core.tensorrt import LIBRARIES
from edgegan.export.tensorrt.network import ParsedNetwork
from edgegan.export.tensorrt.pairs import leave_out


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What trtexec takes too. ``workspace_mib``: most memory that layers may take while they compute; None leaves it to
    TensorRT. ``dla_core``: run what it can on that deep learning accelerator, the rest on the GPU.
    ``hardware_compatible``: on any GPU from Ampere on, not this one alone. ``version_compatible``: on later TensorRT of
    the same major version too. ``batches``: least, usual and most samples at once, of a network whose batch is free."""

    workspace_mib: int | None = None
    dla_core: int | None = None
    hardware_compatible: bool = False
    version_compatible: bool = False
    batches: tuple[int, int, int] = (1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class DeviceEngine:
    """A serialized engine; ``flags``: what it was built with; ``timing_cache``: what the builder measured, for the next
    build; ``notes``: what the options led to."""

    plan: bytes
    flags: tuple[str, ...]
    version: str
    timing_cache: bytes | None = None
    notes: tuple[str, ...] = ()

    def manifest(self, machine: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest's ``build`` entry; ``machine``: compute capability and platform of the device."""
        return {**machine, "flags": list(self.flags), "versions": {"tensorrt": self.version}, "built_on_device": True}


def build_device_engine(
    onnx: Path,
    precision: str,
    options: EngineOptions | None = None,
    timing_cache: bytes = b"",
    backend: str = "tensorrt",
    without: Collection[str] = (),
) -> DeviceEngine:
    """Build for the GPU of this machine. ``precision`` is allowed by builder flags where TensorRT has no strong typing
    (8.x), or the deep learning accelerator wants none. ``without``: pairs of quantize and dequantize to leave out.

    Raises TargetError where parser or builder refuse, or this TensorRT lacks what ``options`` ask for,
    MissingPackageError without TensorRT.
    """
    options = options or EngineOptions()
    parsed = ParsedNetwork(backend, onnx, weakly=options.dla_core is not None)
    leave_out(parsed, without)
    build = _Build(parsed, parsed.builder.create_builder_config())
    build.allow(precision)
    build.take(options)
    cache = build.remember(timing_cache)
    plan = parsed.serialize(build.config)
    return DeviceEngine(
        plan=plan,
        flags=tuple(build.flags),
        version=str(parsed.trt.__version__),
        timing_cache=None if cache is None else bytes(build.config.get_timing_cache().serialize()),
        notes=tuple(build.notes),
    )


@dataclass
class _Build:
    """A builder's configuration while it is made; ``flags`` and ``notes`` tell what was set."""

    parsed: ParsedNetwork
    config: Any
    flags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def allow(self, precision: str) -> None:
        """Float16 and int8 arithmetic, where that is not the network's own to say."""
        if self.parsed.is_strongly_typed:
            self.flags.append("strongly_typed")
            return
        for name in ["FP16"] * (precision != "fp32") + ["INT8"] * (precision == "int8"):
            self._flag(name)

    def take(self, options: EngineOptions) -> None:
        trt, config = self.parsed.trt, self.config
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if self.parsed.add_profile(config, options.batches):
            self.flags.append(f"batch={','.join(map(str, options.batches))}")
        if options.workspace_mib is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
            self.flags.append(f"workspace={options.workspace_mib}MiB")
        if options.hardware_compatible:
            config.hardware_compatibility_level = self._known(trt, "HardwareCompatibilityLevel").AMPERE_PLUS
            self.flags.append("hardware_compatible")
        if options.version_compatible:
            self._flag("VERSION_COMPATIBLE")
        if options.dla_core is not None:
            self._accelerate(options.dla_core)

    def remember(self, timing_cache: bytes) -> Any:
        """The cache of timings that the build reads and adds to; an old one of another device begins anew. None where
        the library keeps none."""
        if LIBRARIES["tensorrt-rtx"].module == self.parsed.trt.__name__:
            return None
        for content in (timing_cache, b""):
            try:
                cache = self.config.create_timing_cache(content)
            except RuntimeError:
                continue
            if cache is not None and self.config.set_timing_cache(cache, ignore_mismatch=False):
                return cache
        return None

    def _accelerate(self, core: int) -> None:
        trt, config = self.parsed.trt, self.config
        cores = getattr(self.parsed.builder, "num_DLA_cores", 0)
        if not 0 <= core < cores:
            have = f"{cores} of them, counted from 0" if cores else "none"
            raise TargetError(f"--dla {core}: TensorRT {trt.__version__} finds {have} on this device")
        config.default_device_type, config.DLA_core = trt.DeviceType.DLA, core
        self._flag("GPU_FALLBACK")
        self.flags.append(f"dla={core}")
        network = self.parsed.network
        all_layers = [network.get_layer(index) for index in range(network.num_layers)]
        left = [layer.name for layer in all_layers if not config.can_run_on_DLA(layer)]
        shown = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
        self.notes.append(
            f"{len(all_layers) - len(left)} of {len(all_layers)} layers can run on DLA core {core}"
            + (f"; the GPU runs {shown}" if left else "")
        )

    def _flag(self, name: str) -> None:
        self.config.set_flag(self._known(self.parsed.trt.BuilderFlag, name))
        self.flags.append(name.lower())

    def _known(self, owner: Any, name: str) -> Any:
        if not hasattr(owner, name):
            raise TargetError(f"TensorRT {self.parsed.trt.__version__} has no {name}")
        return getattr(owner, name)

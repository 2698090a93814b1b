"""A network as NVIDIA's parser reads it from ONNX, and a builder for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.core.errors import TargetError
from edgegan.core.tensorrt import LIBRARIES, open_library


class ParsedNetwork:
    """Keeps builder, network and parser alive together. ``messages`` holds the errors that the library told, ``layers``
    what its build log says of each layer of the engine.

    ``is_strongly_typed``: precision lies in the ONNX alone, as always in RTX and TensorRT 11, by a flag in 10, and not
    in 8. ``weakly``: without that flag, where the library has both. Raises TargetError where the parser refuses,
    naming the node.
    """

    def __init__(self, backend: str, onnx: Path, weakly: bool = False) -> None:
        self.trt = open_library(backend, "Building and checking TensorRT engines")
        self.messages: list[str] = []
        self.layers: list[str] = []
        self._log = _logger(self.trt, self.messages, self.layers)
        kinds, flags = self.trt.NetworkDefinitionCreationFlag, 0
        always_typed = LIBRARIES[backend].ahead_of_time or not hasattr(self.trt.BuilderFlag, "FP16")
        self.is_strongly_typed = always_typed or (hasattr(kinds, "STRONGLY_TYPED") and not weakly)
        if self.is_strongly_typed and not LIBRARIES[backend].ahead_of_time and hasattr(kinds, "STRONGLY_TYPED"):
            flags |= 1 << int(kinds.STRONGLY_TYPED)
        if self._major < 10 and hasattr(kinds, "EXPLICIT_BATCH"):
            flags |= 1 << int(kinds.EXPLICIT_BATCH)
        self.builder = self.trt.Builder(self._log)
        self.network = self.builder.create_network(flags)
        self.parser = self.trt.OnnxParser(self.network, self._log)
        if not self.parser.parse_from_file(str(onnx)):
            reasons = [_told(self.parser.get_error(i)) for i in range(self.parser.num_errors)]
            raise TargetError(
                f"NVIDIA's ONNX parser refuses the generator: {reasons[0] if reasons else 'no reason given'}"
            )

    @property
    def _major(self) -> int:
        return int(str(self.trt.__version__).split(".")[0])

    def add_profile(self, config: Any, batches: tuple[int, int, int]) -> bool:
        """Let a network of free batch take the least to the most samples, and be fastest for the usual number between;
        whether it is one."""
        tensors = [self.network.get_input(index) for index in range(self.network.num_inputs)]
        free = [tensor for tensor in tensors if tensor.shape[0] == -1]
        if not free:
            return False
        profile = self.builder.create_optimization_profile()
        for tensor in free:
            profile.set_shape(tensor.name, *((count, *tuple(tensor.shape)[1:]) for count in batches))
        config.add_optimization_profile(profile)
        return True

    def serialize(self, config: Any) -> bytes:
        """The engine. Raises TargetError where the builder refuses."""
        plan = self.builder.build_serialized_network(self.network, config)
        if plan is None:
            raise TargetError(
                f"TensorRT cannot build the generator: {self.messages[0] if self.messages else 'no reason given'}"
            )
        return bytes(plan)


def _told(error: Any) -> str:
    """What the parser says of one error, and of which node, as far as this version tells."""
    names = [getattr(error, name)() for name in ("node_name", "node_operator") if hasattr(error, name)]
    node = " ".join(str(name) for name in names if name)
    return f"{node or f'node {error.node()}'}: {error.desc()}"


def _logger(trt: Any, messages: list[str], layers: list[str]) -> Any:
    class Logger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                messages.append(message)
            elif message.startswith("Layers:"):
                layers.extend(message.splitlines()[1:])

    return Logger()


@dataclass(frozen=True)
class Acceptance:
    """What NVIDIA's parser made of an ONNX: how many layers, and how many of them quantize or dequantize."""

    parser_version: str
    layers: int
    quantize_layers: int


def check_with_parser(onnx: Path) -> Acceptance:
    """Parse with NVIDIA's parser, which tensorrt-rtx brings. Raises TargetError where it refuses."""
    parsed = ParsedNetwork("tensorrt-rtx", onnx)
    kinds = [str(parsed.network.get_layer(i).type) for i in range(parsed.network.num_layers)]
    return Acceptance(parsed.trt.__version__, len(kinds), sum(kind.endswith("QUANTIZE") for kind in kinds))

"""How many pieces XNNPACK makes of a LiteRT file, and which operators lie between them: every seam copies
activations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.core.errors import ArtifactError, MissingPackageError


@dataclass(frozen=True)
class Partitions:
    """``count`` pieces run by XNNPACK, and how often each operator is left to LiteRT's own slower kernels."""

    count: int
    outside: dict[str, int]

    @property
    def note(self) -> str:
        left = ", ".join(f"{count} {name}" for name, count in sorted(self.outside.items()))
        return f"{self.count} XNNPACK partition{'' if self.count == 1 else 's'}" + (
            f", split by {left}" if left else ""
        )


def partitions(artifact: Path) -> Partitions:
    """What the CPU delegate takes of a ``.tflite``. Raises ArtifactError for a file that LiteRT cannot load."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as exc:
        raise MissingPackageError("ai_edge_litert", "litert", "Counting partitions") from exc
    try:
        interpreter = Interpreter(str(artifact))
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as exc:
        raise ArtifactError(f"LiteRT cannot load {artifact}: {exc}") from exc
    operations: list[dict[str, Any]] = interpreter._get_ops_details()
    delegates = [op for op in operations if op["op_name"] == "DELEGATE"]
    own = [op for op in operations if op["op_name"] != "DELEGATE"]
    producer = {int(output): index for index, op in enumerate(own) for output in op["outputs"]}
    inside: set[int] = set()
    for delegate in delegates:
        given = {int(i) for i in delegate["inputs"]}
        pending = [int(o) for o in delegate["outputs"]]
        while pending:
            tensor = pending.pop()
            index = producer.get(tensor)
            if index is None or index in inside or (tensor in given):
                continue
            inside.add(index)
            pending += [int(i) for i in own[index]["inputs"] if int(i) >= 0 and int(i) not in given]
    outside = Counter(op["op_name"] for index, op in enumerate(own) if index not in inside)
    return Partitions(len(delegates), dict(outside))

"""An artifact loaded and run in a process of its own, before it is loaded into one that must not crash."""

from __future__ import annotations

import sys
from pathlib import Path

from edgegan.core.apart import apart
from edgegan.core.sampling import sample_inputs
from edgegan.runtime.generator import load


def try_first(artifact: Path) -> None:
    """Raises ArtifactError where that process crashes or does not end; what loading says in words, it says again."""
    apart("edgegan.runtime.tried", artifact)


if __name__ == "__main__":
    with load(sys.argv[1], threads=1) as generator:
        generator.run(sample_inputs(generator.inputs, generator.batch, 0))

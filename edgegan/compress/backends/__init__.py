"""What compressing knows about each backend: a file each, found by the row of ``edgegan.core.backends``."""

from __future__ import annotations

from importlib import import_module

from edgegan.compress.backends.contract import Builder
from edgegan.core.backends import backend
from edgegan.core.errors import GeneratorError

REFERENCE = "onnxruntime"
"""What computes float32 of any network on any machine: the baseline where the target's own conversion fails."""


def builder(name: str) -> Builder:
    """The builder of a backend, imported now. Raises ArtifactError for a name that nobody knows."""
    module, _, attribute = backend(name).builder.partition(":")
    made = getattr(import_module(module), attribute, None)
    if not isinstance(made, Builder):
        raise GeneratorError(f"{module}:{attribute}, the builder of {name}, does not meet edgegan.compress.backends")
    return made

"""The whole way from a generator to an artifact: ``compress`` is what the command calls."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgegan.compress.pipeline import Report, compress

__all__ = ["Report", "compress"]


def __getattr__(name: str) -> Any:
    """Import PyTorch only when a stage is used."""
    if name in __all__:
        from edgegan.compress import pipeline

        return getattr(pipeline, name)
    raise AttributeError(name)

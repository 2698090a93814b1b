"""An artifact with all that belongs to it, in another folder."""

from __future__ import annotations

from pathlib import Path

from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest


def copy_artifact(manifest: Manifest, out: Path) -> None:
    """Its files by the manifest, and the manifest."""
    folder = manifest.path.parent
    for name in (*(str(entry["name"]) for entry in manifest.content["files"]), manifest.path.name):
        write_bytes(out / name, (folder / name).read_bytes())

"""``--for ray-serve``: an application of Ray Serve around the runtime wrapper."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgegan.core.backends import backend
from edgegan.core.files import write_bytes
from edgegan.core.manifest import Manifest, copy_artifact


def package(manifest: Manifest, out: Path) -> list[str]:
    """Write ``app.py`` and the artifact; returns what to do next."""
    copy_artifact(manifest, out)
    source = (files("edgegan.package") / "native" / "ray_app.py").read_text(encoding="utf-8")
    write_bytes(out / "app.py", source.replace("{{artifact}}", manifest.artifact.name).encode())
    extra = backend(manifest.backend).extra
    needs = f"ray[serve]\nedgegan[{extra},pictures]\n" if extra else "ray[serve]\nedgegan[pictures]\n"
    write_bytes(out / "requirements.txt", needs.encode())
    return [
        f"pip install -r {out / 'requirements.txt'}",
        f"cd {out} && serve run app:application",
        'curl -d \'{"count": 4, "seed": 0}\' localhost:8000/images --output samples.png',
    ]

"""How much memory this machine has to give."""

from __future__ import annotations

import os
from pathlib import Path


def free_memory() -> int | None:
    """Bytes that a process may still take, the swap among them; None where the system does not say (``/proc/meminfo``
    below ``EDGEGAN_SYS_ROOT``)."""
    try:
        text = (Path(os.environ.get("EDGEGAN_SYS_ROOT", "/")) / "proc/meminfo").read_text()
    except OSError:
        return None
    sizes = {line.partition(":")[0]: line.split()[1] for line in text.splitlines() if len(line.split()) > 1}
    if "MemAvailable" not in sizes:
        return None
    return 1024 * (int(sizes["MemAvailable"]) + int(sizes.get("SwapFree", 0)))

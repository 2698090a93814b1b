"""A meter of the user's: a command that prints watts, such as one that asks a USB meter or a battery."""

from __future__ import annotations

import re
import shlex
import subprocess
import time

from edgegan.bench.power.contract import Clock, Integrated
from edgegan.core.errors import DeviceError, UsageError

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
LIMIT = 10.0
"""Seconds that one reading may take."""


class Command:
    """``text`` is split as a shell would, and run without one. The first number that it prints is taken for watts."""

    name = "command"
    resolution = 0.2
    whole = frozenset({"command"})

    def __init__(self, text: str, clock: Clock = time.monotonic) -> None:
        self._text = text
        self._words = shlex.split(text)
        if not self._words:
            raise UsageError("--power-command is empty; give a command that prints watts")
        self.scope = f"what `{text}` measures"
        self._energy = Integrated(clock)
        self.joules()

    def joules(self) -> dict[str, float]:
        return self._energy.add({"command": self._watts()})

    def close(self) -> None:
        """Nothing is held open."""

    def _watts(self) -> float:
        try:
            done = subprocess.run(self._words, capture_output=True, text=True, timeout=LIMIT)
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise DeviceError(f"--power-command {self._text!r} cannot be run: {exc}") from exc
        match = NUMBER.search(done.stdout)
        if done.returncode != 0 or match is None:
            said = (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[-1][:80]
            raise DeviceError(
                f"--power-command {self._text!r} must print watts; it ended with {done.returncode} and printed {said!r}"
            )
        return float(match[0])

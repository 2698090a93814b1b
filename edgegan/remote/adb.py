"""A phone on a cable: artifacts timed there by LiteRT's own ``benchmark_model``, over adb.

The program is the user's: built from LiteRT, or taken from its releases, for the phone's processor. What the calls here
say to adb is tested against a program that speaks its command line, not against a phone.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgegan.core.errors import DeviceError, UsageError

FOLDER = "/data/local/tmp/edgegan"
SECONDS, WARMUP_SECONDS, LEAST_RUNS = 3.0, 0.5, 50
LIMIT_S = 600
_SERIAL = re.compile(r"^adb://(?P<serial>[A-Za-z0-9][A-Za-z0-9._:\[\]-]*)$")
_STATISTICS = re.compile(r"\bcount=\d+.*")
_FIGURE = re.compile(r"(\w+)=([-+.\deE]+)")
NEEDED = ("count", "avg", "std", "median")
UNTOLD = "benchmark_model tells the median and p95 alone"


@dataclass(frozen=True)
class Phone:
    """A phone by the serial that ``adb devices`` lists."""

    serial: str

    def __str__(self) -> str:
        return f"adb://{self.serial}"


def parse_phone(text: str) -> Phone:
    """Read ``adb://SERIAL``. UsageError otherwise."""
    match = _SERIAL.match(text)
    if match is None:
        raise UsageError(f"--device {text!r} is not adb://SERIAL; adb devices lists the serials")
    return Phone(match["serial"])


class Bench:
    """``benchmark_model`` on a phone. Raises DeviceError where adb is missing, the phone does not answer, or the
    program does not run there."""

    def __init__(self, phone: Phone, program: Path) -> None:
        self.phone, self._adb = phone, shutil.which("adb")
        if self._adb is None:
            raise DeviceError("adb is not installed; it comes with Android's platform tools (Debian: apt install adb)")
        if not program.is_file():
            raise UsageError(f"--benchmark-model {program}: no such file")
        state = self._call("get-state")
        if state.strip() != "device":
            raise DeviceError(f"{phone} is {state.strip() or 'not there'}; unlock it and allow debugging")
        self._shell(f"mkdir -p {FOLDER}")
        self._call("push", str(program), f"{FOLDER}/benchmark_model")
        self._shell(f"chmod 755 {FOLDER}/benchmark_model")

    def describe(self) -> str:
        """The phone's model and processor."""
        model, abi = (self._shell(f"getprop {name}").strip() for name in ("ro.product.model", "ro.product.cpu.abi"))
        return f"{self.phone}: {model or 'unnamed'}, {abi or 'unknown processor'}"

    def latency_ms(self, artifact: Path, threads: int) -> dict[str, Any]:
        """Milliseconds of a call of a ``.tflite`` file, as ``bench`` has them; percentiles that the program does not
        tell are None."""
        place = f"{FOLDER}/{artifact.name}"
        self._call("push", str(artifact), place)
        try:
            told = self._shell(
                f"{FOLDER}/benchmark_model --graph={shlex.quote(place)} --num_threads={threads} --use_xnnpack=true "
                f"--min_secs={SECONDS} --warmup_min_secs={WARMUP_SECONDS} --num_runs={LEAST_RUNS} 2>&1"
            )
        finally:
            self._shell(f"rm -f {shlex.quote(place)}")
        return statistics(told)

    def _shell(self, command: str) -> str:
        return self._call("shell", command)

    def _call(self, *arguments: str) -> str:
        command = [str(self._adb), "-s", self.phone.serial, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S)
        except subprocess.TimeoutExpired as exc:
            raise DeviceError(f"{self.phone} did not answer adb {arguments[0]} within {LIMIT_S} s") from exc
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
            raise DeviceError(f"adb {arguments[0]} on {self.phone} failed: {last}")
        return done.stdout


def statistics(told: str) -> dict[str, Any]:
    """What ``benchmark_model`` printed last of its runs (microseconds), in milliseconds. Raises DeviceError where it is
    not what that program prints."""
    lines = _STATISTICS.findall(told)
    found = {name: float(value) for name, value in _FIGURE.findall(lines[-1])} if lines else {}
    if any(name not in found for name in NEEDED) or not found["avg"] > 0:
        last = (told.strip().splitlines() or ["nothing"])[-1]
        raise DeviceError(f"benchmark_model printed no statistics with a median; last: {last[:200]}")
    return {
        "p50": found["median"] / 1e3,
        "p90": None,
        "p95": found["p95"] / 1e3 if "p95" in found else None,
        "p99": None,
        "p99_9": None,
        "percentiles_reason": UNTOLD,
        "mean": found["avg"] / 1e3,
        "std": found["std"] / 1e3,
        "cv": found["std"] / found["avg"],
        "count": int(found["count"]),
    }

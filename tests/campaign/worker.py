"""The process that lets cases in: a line of JSON for each on standard input, what happened on standard output.

Outcomes: ``taken`` (it was read), ``refused`` (a GeneratorError: a sentence and an exit code), ``fault`` (another
exception), ``slow``, ``escaped`` (something was written outside the case's folder, or a program was started). A process
that ends in the middle is the driver's to tell.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

from edgegan.core.errors import GeneratorError
from tests.campaign.doors import KINDS, drawn

SECONDS, MEMORY = 30, 4 << 30
WRITES = ("w", "a", "x", "+")
OWN = (["uname", "-p"], ["git", "rev-parse", "HEAD"])
"""What is asked of the machine and the checkout for a report, whatever the file."""
STARTS = ("os.system", "os.exec", "os.posix_spawn", "os.startfile", "subprocess.Popen", "socket.connect")


class Slow(BaseException):
    """Not an Exception, so that no code under test takes it for one of its own."""


class Watch:
    """Python's audit events while a case is open: files written outside its folder, programs started."""

    def __init__(self) -> None:
        self.inside: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._look)

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.inside is None:
            return
        if event in STARTS and "edgegan." not in str(arguments[:2]) and arguments[1:2] not in [(own,) for own in OWN]:
            self.seen.append(f"{event} {arguments[:2]}"[:200])
        if event == "open" and self._is_write(arguments) and not self._is_inside(arguments[0]):
            self.seen.append(f"wrote {arguments[0]!r}"[:200])

    def _is_write(self, arguments: tuple[Any, ...]) -> bool:
        _, mode, flags = arguments
        if isinstance(mode, str):
            return any(letter in mode for letter in WRITES)
        return bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))

    def _is_inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return True
        text = os.path.realpath(os.fsdecode(path))
        return text.startswith(
            (f"{self.inside}/", "/dev/", *(f"{tempfile.gettempdir()}/{own}" for own in ("tmp", "edgegan-")))
        )


def let_in(seeds: Path, campaign: int, number: int, watch: Watch, root: Path) -> dict[str, Any]:
    """One case: what it is, through which door it went, and what came of it."""
    name, rng = drawn(campaign, number)
    kind = KINDS[name]
    folder = root / "case" / "inner"
    shutil.rmtree(root / "case", ignore_errors=True)
    folder.mkdir(parents=True)
    path = kind.change(seeds, folder, rng)
    door = rng.choice(list(kind.doors))
    row: dict[str, Any] = {"number": number, "kind": name, "door": door, "file": path.name}
    before = set(root.rglob("*")) - set(folder.rglob("*"))
    watch.inside, watch.seen = str(root / "case"), []
    signal.alarm(SECONDS)
    try:
        kind.doors[door](path)
        row["outcome"] = "taken"
    except GeneratorError as exc:
        row |= {"outcome": "refused", "told": str(exc)[:300]}
    except Slow:
        row |= {"outcome": "slow", "told": f"over {SECONDS} s"}
    except Exception as exc:
        where = traceback.extract_tb(exc.__traceback__)[-1]
        row |= {
            "outcome": "fault",
            "told": f"{type(exc).__name__}: {exc}"[:300],
            "where": f"{where.filename}:{where.lineno}",
        }
    finally:
        signal.alarm(0)
        watch.inside = None
    left = set(root.rglob("*")) - before - set(folder.rglob("*"))
    if watch.seen or left or Path("escaped").exists() or Path("/tmp/escaped").exists() or Path("/escaped").exists():
        row |= {"outcome": "escaped", "told": "; ".join([*watch.seen, *map(str, left)])}
    return row


def main(seeds: Path, campaign: int) -> None:
    warnings.filterwarnings("ignore")
    _warm_up(seeds)
    watch = Watch()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _too_slow)
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory(prefix="tmp") as root:
        os.chdir(root)
        for line in sys.stdin:
            row = let_in(seeds, campaign, int(line), watch, Path(root).resolve())
            told.write(json.dumps(row) + "\n")


def _too_slow(*_: object) -> None:
    raise Slow


def _warm_up(seeds: Path) -> None:
    """What libraries do once, such as looking for the linker, is done before anybody watches."""
    for backend in (seeds / "artifacts").iterdir():
        artifact = next(p for p in backend.iterdir() if p.suffix != ".json")
        for door in KINDS["manifest"].doors.values():
            door(artifact)
    for door, path in (("model .onnx", "models/g.onnx"), ("model .pt2", "models/g.pt2"), ("picture", "data/a.png")):
        for call in KINDS[door].doors.values():
            call(seeds / path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

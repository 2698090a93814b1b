"""What libraries print by themselves is not seen, but where the command fails, or with --debug."""

import os
import subprocess
import sys

import pytest

NOISY = """
import os, sys
from edgegan.cli import app
from edgegan.core.errors import ArtifactError, UsageError

def bench(arguments, debug=False):
    os.write(2, b"INFO: something started" + chr(10).encode())
    os.system("echo from a process >&2")
    sys.stderr.write("progress" + chr(10))
    code = int(arguments[0])
    if code == 139:
        import ctypes
        ctypes.string_at(0)
    return code

app.run = bench
app.main()
"""


def run(*arguments):
    command = [sys.executable, "-c", NOISY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})


@pytest.mark.parametrize("code", [0, 2, 7])
def test_it_is_kept_aside(code):
    done = run(str(code))
    assert done.returncode == code and done.stderr == "progress\n"


def test_a_failure_tells_it():
    done = run("8")
    assert done.returncode == 8
    wanted = "progress\nthe libraries printed last:\n  INFO: something started\n  from a process\n"
    assert done.stderr == wanted


def test_debug_shows_it_as_it_comes():
    assert run("0", "--debug").stderr.splitlines() == ["INFO: something started", "from a process", "progress"]


def test_a_crash_tells_where_python_was():
    done = run("139")
    assert done.returncode < 0 and "Segmentation fault" in done.stderr and "in bench" in done.stderr

"""A real sshd on this machine, as the device."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgegan.bench.worker import Job
from edgegan.cli.app import run as command
from edgegan.core.errors import DeviceError, UsageError
from edgegan.core.sampling import sample_inputs
from edgegan.remote.jobs import PYTHON_VARIABLE, check, run_job_on
from edgegan.remote.ssh import Device, connect, parse_device
from edgegan.runtime import load
from tests.conftest import LATENT

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(not Path(SSHD).exists() or not shutil.which("ssh"), reason="no OpenSSH server here")


@pytest.mark.parametrize(
    "text,found",
    [
        ("ssh://nvidia@jetson.local", Device("nvidia", "jetson.local", 22)),
        ("ssh://me@10.0.0.7:2222", Device("me", "10.0.0.7", 2222)),
        ("ssh://me@[fe80::1]:99", Device("me", "fe80::1", 99)),
    ],
)
def test_addresses(text, found):
    assert parse_device(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "jetson",
        "ssh://jetson",
        "http://a@b",
        "ssh://a@b:0",
        "ssh://a@b:99999",
        "ssh://-oProxyCommand=x@b",
        "ssh://a@-oProxyCommand=x",
        "ssh://a@b;rm",
        "ssh://a@b/path",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match="is not ssh://USER@HOST"):
        parse_device(text)


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """A server that takes one new key, the client's configuration in a home of its own."""
    root = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
    (root / "authorized").write_text((root / "user.pub").read_text())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (root / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {root}/host\nAuthorizedKeysFile {root}/authorized\nPidFile "
        f"{root}/pid\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nSetEnv PYTHONPATH={Path(__file__).parents[2]}\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", root / "config"], stderr=(root / "log").open("w"))
    wrapper = root / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f"#!/bin/sh\nexec {shutil.which('ssh')} -F none -i {root}/user -o StrictHostKeyChecking=accept-new -o "
        f'UserKnownHostsFile={root}/known "$@"\n'
    )
    wrapper.chmod(0o700)
    before = dict(os.environ)
    os.environ |= {"PATH": f"{wrapper.parent}:{before['PATH']}", PYTHON_VARIABLE: sys.executable}
    for _ in range(50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield Device(getpass.getuser(), "127.0.0.1", port)
    os.environ["PATH"] = before["PATH"]
    del os.environ[PYTHON_VARIABLE]
    server.terminate()
    server.wait()


@needs_sshd
def test_files_go_and_come_back_and_nothing_stays(device):
    with connect(device) as connection:
        connection.send({"a/b.bin": bytes(range(256)), "it's here; really": b"x"})
        assert connection.fetch(["a/b.bin", "it's here; really"]) == {
            "a/b.bin": bytes(range(256)),
            "it's here; really": b"x",
        }
        folder = Path(connection.folder)
        assert folder.is_dir()
        with pytest.raises(DeviceError, match="false failed with 1"):
            connection.run(["false"])
    assert not folder.exists()


@needs_sshd
def test_a_job_on_the_device_gives_what_the_runtime_gives_here(device, null_artifact):
    inputs = sample_inputs(LATENT.inputs, 2, 0)
    with connect(device) as connection:
        assert check(connection)["python"].startswith("3.")
        found = run_job_on(
            connection,
            Job(artifacts={"null": null_artifact}, inputs=inputs, threads=1, timed=("null",), seconds=0.05),
            {},
        )
    with load(null_artifact) as generator:
        assert (found["null"].images == generator.images(inputs)).all()
    assert found["null"].latency_ms["p50"] > 0 and found["null"].error is None


@needs_sshd
@pytest.mark.slow
def test_compress_measures_on_the_device(device, tmp_path):
    (tmp_path / "subject.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\nfrom tests.subjects import TinyDcgan, "
        "randomized\ndef g(): return randomized(TinyDcgan())\n"
    )
    base = [
        "compress",
        f"{tmp_path}/subject.py:g",
        "--input",
        "latent:8x1x1",
        "--threads",
        "1",
        "--calibration-samples",
        "8",
        "--fd-samples",
        "0",
        "--device",
        str(device),
    ]
    assert (
        command(
            [
                *base,
                "--target",
                "raspberry-pi",
                "--precision",
                "int8",
                "--min-psnr",
                "15",
                "--out",
                str(tmp_path / "pi"),
            ]
        )
        == 0
    )
    report = json.loads((tmp_path / "pi" / "report.json").read_text())
    assert report["result"]["latency_ms"]["p50"] > 0 and report["result"]["quality"]["measured_on"] == str(device)
    assert any(note.startswith(f"measured on {device}") for stage in report["stages"] for note in stage["notes"])


@needs_sshd
@pytest.mark.slow
def test_a_device_without_tensorrt_says_what_it_lacks(device, tmp_path, capsys):
    (tmp_path / "subject.py").write_text(
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\nfrom tests.subjects import TinyDcgan, "
        "randomized\ndef g(): return randomized(TinyDcgan())\n"
    )
    base = [
        "compress",
        f"{tmp_path}/subject.py:g",
        "--input",
        "latent:8x1x1",
        "--threads",
        "1",
        "--calibration-samples",
        "8",
        "--fd-samples",
        "0",
        "--device",
        str(device),
    ]
    assert command([*base, "--target", "jetson-orin", "--precision", "int8", "--out", str(tmp_path / "jetson")]) == 8
    assert "edgegan[tensorrt]" in capsys.readouterr().err


def test_a_device_that_does_not_answer_is_exit_8(tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    if not shutil.which("ssh"):
        pytest.skip("no ssh here")
    with pytest.raises(DeviceError, match="cannot be reached"), connect(Device("nobody", "127.0.0.1", port)):
        pass
    assert command(["compress", "--target", "mobile", "--device", "jetson", "--out", str(tmp_path)]) == 2

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
from edgegan.core.errors import DeviceError
from edgegan.core.progress import Silent
from edgegan.core.sampling import sample_inputs
from edgegan.remote import task
from edgegan.remote.install import installed
from edgegan.remote.jobs import PYTHON_VARIABLE, check, run_job_on
from edgegan.remote.ssh import Connection, Device, Lost
from edgegan.remote.task import Task
from edgegan.runtime import load
from tests.conftest import LATENT
from tests.engine.conftest import fake_driver
from tests.validation import validate

REPOSITORY = Path(__file__).parents[2]
SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(not Path(SSHD).exists() or not shutil.which("ssh"), reason="no OpenSSH server here")


class Server:
    """A real sshd on loopback that takes one new key; its sessions can be cut, and it can go away and come back."""

    def __init__(self, root):
        self.root = root
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / name], check=True)
        (root / "authorized").write_text((root / "user.pub").read_text())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        packages = "".join(f" {name}={value}" for name, value in os.environ.items() if name.startswith("PIP_"))
        (root / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {root}/host\nAuthorizedKeysFile {root}/authorized\n"
            f"PidFile {root}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"SetEnv PYTHONPATH={REPOSITORY}{packages}\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        self.device = Device(getpass.getuser(), "127.0.0.1", self.port)
        self.start()

    def start(self):
        with (self.root / "log").open("a") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.root / "config"], stderr=log)
        for _ in range(50):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)

    def cut(self):
        """Every connection that stands breaks."""
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=True)

    def stop(self):
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)])
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server, with the client's configuration in a home of its own."""
    root = tmp_path_factory.mktemp("sshd")
    server = Server(root)
    wrapper = root / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f"#!/bin/sh\nexec {shutil.which('ssh')} -F none -i {root}/user -o StrictHostKeyChecking=accept-new -o "
        f'UserKnownHostsFile={root}/known "$@"\n'
    )
    wrapper.chmod(0o700)
    before = dict(os.environ)
    os.environ |= {"PATH": f"{wrapper.parent}:{before['PATH']}", PYTHON_VARIABLE: sys.executable}
    yield server
    os.environ["PATH"] = before["PATH"]
    del os.environ[PYTHON_VARIABLE]
    server.stop()


@pytest.fixture
def device(server):
    return server.device


class Heard(Silent):
    """What was told of the work; ``at``: what happens at one of its steps."""

    def __init__(self, at=None):
        self.notes, self.steps, self.at = [], [], dict(at or {})

    def note(self, text):
        self.notes.append(text)

    def step(self, done, total):
        self.steps.append(done)
        self.at.pop(done, lambda: None)()


STEPS = 12
WORK = f"""
import time
open("runs", "a").write("x")
for done in range({STEPS}):
    print(f"step {{done}} of {STEPS}", flush=True)
    time.sleep(0.15)
print(open("given").read(), flush=True)
"""


def work(device, kept, heard, key="one"):
    return Task(device, sys.executable, ["-c", WORK], lambda: {"given": b"it was sent"}, key, kept, heard)


@needs_sshd
def test_files_go_and_come_back_and_nothing_stays(device):
    connection = Connection(device)
    folder = Path(connection.make_folder())
    connection.send({"a/b.bin": bytes(range(256)), "it's here; really": b"x"})
    assert connection.fetch(["a/b.bin", "it's here; really"]) == {
        "a/b.bin": bytes(range(256)),
        "it's here; really": b"x",
    }
    assert folder.is_dir()
    with pytest.raises(DeviceError, match="false failed with 1"):
        connection.run(["false"])
    connection.remove_folder()
    assert not folder.exists()


@needs_sshd
def test_a_job_on_the_device_gives_what_the_runtime_gives_here(device, null_artifact, tmp_path):
    inputs = sample_inputs(LATENT.inputs, 2, 0)
    assert check(device, sys.executable)["python"].startswith("3.")
    job = Job(artifacts={"null": null_artifact}, inputs=inputs, threads=1, timed=("null",), seconds=0.05)
    found = run_job_on(device, sys.executable, job, tmp_path / "kept.json", Silent())
    with load(null_artifact) as generator:
        assert (found["null"].images == generator.images(inputs)).all()
    assert found["null"].latency_ms["p50"] > 0 and found["null"].error is None
    assert not (tmp_path / "kept.json").exists()


@needs_sshd
def test_work_goes_on_when_the_connection_breaks(server, tmp_path, monkeypatch):
    monkeypatch.setattr(task, "WAITS", (0.1, 0.1))
    heard = Heard({4: server.cut})
    connection, code = work(server.device, tmp_path / "kept.json", heard).run()
    folder = Path(connection.folder)
    assert code == 0 and heard.steps == list(range(STEPS)) and heard.notes[-1] == "it was sent"
    assert any("was lost; trying again" in note for note in heard.notes)
    assert (folder / "runs").read_text() == "x"
    work(server.device, tmp_path / "kept.json", heard).forget(connection)
    assert not folder.exists() and not (tmp_path / "kept.json").exists()


@needs_sshd
def test_a_second_call_finds_the_work_that_it_lost(server, tmp_path, monkeypatch):
    monkeypatch.setattr(task, "WAITS", (0.1,))
    kept = tmp_path / "kept.json"
    with pytest.raises(Lost, match="the same command finds it again"):
        work(server.device, kept, Heard({3: server.stop})).run()
    folder = Path(json.loads(kept.read_text())["folder"])
    server.start()
    heard = Heard()
    connection, code = work(server.device, kept, heard).run()
    assert code == 0 and Path(connection.folder) == folder and "found again" in heard.notes[0]
    assert (folder / "runs").read_text() == "x" and heard.notes[-1] == "it was sent"
    other, code = work(server.device, kept, Heard(), key="other").run()
    assert code == 0 and Path(other.folder) != folder and not folder.exists()
    other.remove_folder()


@needs_sshd
def test_work_that_is_killed_on_the_device_is_told(server, tmp_path):
    kept = tmp_path / "kept.json"

    def kill():
        folder = Path(json.loads(kept.read_text())["folder"])
        os.killpg(int((folder / "pid").read_text()), 9)

    with pytest.raises(DeviceError, match="was killed, or the device restarted"):
        work(server.device, kept, Heard({3: kill})).run()
    assert not kept.exists()


MODEL = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from tests.subjects import TinyDcgan, randomized
def g(): return randomized(TinyDcgan())
"""


@pytest.fixture
def base(device, tmp_path):
    (tmp_path / "subject.py").write_text(MODEL)
    given = ["--input", "latent:8x1x1", "--threads", "1", "--calibration-samples", "8", "--fd-samples", "0"]
    return ["compress", f"{tmp_path}/subject.py:g", *given, "--device", str(device)]


@pytest.fixture
def pair_ms():
    """What a pair of quantize and dequantize takes on the device."""
    return 0


@pytest.fixture
def gpu(tmp_path, monkeypatch, pair_ms):
    """The device has TensorRT and a GPU, both fakes."""
    driver = fake_driver(tmp_path / "lib")
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\nexport PYTHONPATH={REPOSITORY}/tests/fakes:{REPOSITORY} LD_LIBRARY_PATH={driver}\n"
        f'export FAKE_MS=\'{{"fp32": 9, "fp16": 6, "int8": 3, "pair": {pair_ms}}}\'\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o700)
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))


@needs_sshd
@pytest.mark.slow
def test_compress_measures_on_the_device(base, device, tmp_path):
    (tmp_path / "pi.toml").write_text(
        'description = "x"\nruntimes = ["litert"]\nprecisions = ["int8", "fp32"]\nruns_here = false\n'
    )
    assert (
        command([*base, "--target", str(tmp_path / "pi.toml"), "--min-psnr", "18", "--out", str(tmp_path / "pi")]) == 0
    )
    report = json.loads((tmp_path / "pi" / "report.json").read_text())
    assert report["result"]["latency_ms"]["p50"] > 0 and report["result"]["quality"]["measured_on"] == str(device)
    assert any(note.startswith(f"measured on {device}") for stage in report["stages"] for note in stage["notes"])


@needs_sshd
@pytest.mark.slow
def test_the_device_builds_chooses_and_sends_the_engine(base, gpu, device, tmp_path):
    out = tmp_path / "gpu"
    assert command([*base, "--target", "desktop-gpu", "--min-psnr", "18", "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    result = report["result"]
    assert result["precision"] == "int8" and result["artifact"] == "g.plan" and result["speedup"] > 2
    assert {"fp32", "fp16", "int8"} == {row["precision"] for row in report["candidates"]}
    assert any(row["name"].endswith("-last-fp16") and row["latency_ms"] for row in report["candidates"])
    assert json.loads((out / "g.plan.json").read_text())["build"]["built_on_device"] is True
    assert (out / "g.edgegan").exists() and result["quality"]["measured_on"] == str(device)


@needs_sshd
@pytest.mark.slow
@pytest.mark.parametrize("pair_ms", [0.2])
def test_an_engine_that_only_the_device_has_is_sent_too(base, gpu, device, tmp_path):
    """Every pair costs more than it saves there."""
    out = tmp_path / "gpu"
    assert command([*base, "--target", "desktop-gpu", "--min-psnr", "18", "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    validate("report", report)
    result = report["result"]
    assert "-pairs" in result["name"] and result["artifact"] == "g.plan"
    told = json.loads((out / "g.plan.json").read_text())["precision_exceptions"]
    assert "unrounded" in told.values() and result["precision_exceptions"] == told
    assert result["latency_ms"]["p50"] == min(row["latency_ms"]["p50"] for row in report["candidates"])


@needs_sshd
@pytest.mark.slow
def test_a_device_that_cannot_do_it_says_why(base, server, tmp_path, capsys):
    assert command([*base, "--target", "desktop-gpu", "--precision", "int8", "--out", str(tmp_path / "gpu")]) == 8
    assert "edgegan[tensorrt]" in capsys.readouterr().err
    assert command([*base, "--target", "jetson-orin", "--precision", "int8", "--out", str(tmp_path / "jetson")]) == 8
    assert "is no jetson-orin: that is aarch64" in capsys.readouterr().err


@needs_sshd
def test_a_full_disk_is_told(device, tmp_path, monkeypatch):
    connection = Connection(device)
    with pytest.raises(DeviceError, match="its disk is full"):
        connection.run(["sh", "-c", "cat > /dev/full"], b"x" * 100)


@needs_sshd
@pytest.mark.parametrize("answer", ["[]", '{"images": "../../etc/passwd"}', "no json", '"text"'])
def test_what_was_not_asked_for_is_refused(device, tmp_path, null_artifact, answer):
    liar = tmp_path / "liar"
    result = answer if answer[0] != "{" else '{"null": ' + answer + "}"
    liar.write_text(
        f'#!/bin/sh\ncase "$*" in *worker*) echo \'{result}\' > result.json;; *) exec {sys.executable} "$@";; esac\n'
    )
    liar.chmod(0o700)
    inputs = sample_inputs(LATENT.inputs, 1, 0)
    job = Job(artifacts={"null": null_artifact}, inputs=inputs, threads=1)
    with pytest.raises(DeviceError):
        run_job_on(device, str(liar), job, tmp_path / "kept.json", Silent())


@needs_sshd
@pytest.mark.slow
def test_the_base_is_installed_in_a_folder_of_its_own(server, tmp_path, monkeypatch):
    """A second environment is the device's: of the Python that this one was made of, and nothing of this one."""
    python = f"{sys.base_prefix}/bin/python3"
    if subprocess.run([python, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, "typer"]).returncode:
        pytest.skip("no package registry can be reached")
    heard = Heard()
    own = installed(server.device, python, {"onnxruntime"}, heard)
    try:
        assert "/.local/share/edgegan/" in own
        assert installed(server.device, python, {"onnxruntime"}, Heard()) == own
        alone = ["env", "PYTHONPATH=", own, "-m", "edgegan.bench.environment"]
        versions = json.loads(Connection(server.device).run(alone))["versions"]
        assert "onnxruntime" in versions and "torch" not in versions
        shown = Connection(server.device).run(["env", "PYTHONPATH=", own, "-m", "edgegan.cli.app", "targets", "--json"])
        assert "jetson-orin" in {row["name"] for row in json.loads(shown)}
    finally:
        shutil.rmtree(Path(own).parents[1])


@needs_sshd
def test_an_old_python_on_the_device_is_told(device, tmp_path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 3 8\n")
    old.chmod(0o700)
    with pytest.raises(DeviceError, match=r"has Python 3.8; EdgeGAN needs 3.10"):
        installed(device, str(old), (), Silent())


def test_a_device_that_does_not_answer_is_exit_8(tmp_path, capsys):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    if not shutil.which("ssh"):
        pytest.skip("no ssh here")
    with pytest.raises(DeviceError, match="cannot be reached"):
        Connection(Device("nobody", "127.0.0.1", port)).make_folder()
    assert command(["compress", "--target", "mobile", "--device", "jetson", "--out", str(tmp_path)]) == 2

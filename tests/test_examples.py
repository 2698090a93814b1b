"""Examples of the documentation, run step by step."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GENERATOR = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.subjects import TinyDcgan, randomized
def generator(): return randomized(TinyDcgan({{width}}))
"""


def git(folder, *arguments):
    own = ["-c", "user.name=e", "-c", "user.email=e@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    """A user's, whose main branch has a generator."""
    (tmp_path / "generator.py").write_text(GENERATOR.format(width=8))
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "a generator")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    return tmp_path


def run_steps(folder):
    """Exit codes of the workflow's own commands by name, as GitHub runs them, up to the first that fails."""
    workflow = yaml.safe_load((ROOT / "docs" / "examples" / "regression-gate.yml").read_text())
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    codes = {}
    for step in workflow["jobs"]["gate"]["steps"]:
        if "run" not in step or step["name"] == "install":
            continue
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        codes[step["name"]] = subprocess.run(command, cwd=folder, env=environment, capture_output=True).returncode
        if codes[step["name"]]:
            break
    return codes


@pytest.mark.slow
def test_the_regression_gate_lets_the_same_pass_and_stops_what_is_larger(repository):
    codes = run_steps(repository)
    assert list(codes) == ["compress both", "measure the main branch", "hold the change against it"]
    assert not any(codes.values()), codes
    assert "checks passed" in (repository / "summary.md").read_text() and (repository / "gate.xml").exists()
    git(repository, "worktree", "remove", "--force", "base")
    shutil.rmtree(repository / "out")
    (repository / "generator.py").write_text(GENERATOR.format(width=64))
    codes = run_steps(repository)
    assert codes["hold the change against it"] == 7
    assert "| memory.artifact_mib |" in (repository / "summary.md").read_text()

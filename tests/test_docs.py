"""The documentation: every block of code runs here or says why not, in the order of its page; messages that a page
explains are those that the code raises; links and names lead somewhere; notebooks run."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
GENERATED = {ROOT / "docs" / name for name in ("cli.md", "schemas.md", "measured.md")}
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "targets/README.md")),
    *sorted(set((ROOT / "docs").rglob("*.md")) - GENERATED),
]
FENCED = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$", re.M | re.S)
WHERE = "runnable where there is: "


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comment above it says of running it."""

    mark: str
    language: str
    code: str

    @property
    def runs(self) -> bool:
        return self.mark == "runnable" or self.mark.startswith(WHERE)

    @property
    def needs(self) -> list[str]:
        """Programs without which it is left out."""
        return self.mark[len(WHERE) :].split() if self.mark.startswith(WHERE) else []


def blocks(page: Path) -> list[Block]:
    return [Block(m["mark"] or "", m["language"], m["code"]) for m in FENCED.finditer(page.read_text())]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_runs_or_says_why_not(page):
    for block in blocks(page):
        said = block.runs or block.mark.startswith(("file: ", "not run: "))
        assert said or block.language == "text", f"{block.language or 'no language'}:\n{block.code}"


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(b.runs for b in blocks(p))], ids=name)
def test_blocks_run(page, tmp_path):
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "EDGEGAN_CACHE": os.environ["EDGEGAN_CACHE"],
    }
    left_out = set()
    for block in blocks(page):
        if block.mark.startswith("file: "):
            (tmp_path / block.mark[len("file: ") :]).write_text(block.code)
        if not block.runs:
            continue
        if missing := [each for each in block.needs if shutil.which(each) is None]:
            left_out |= set(missing)
            continue
        command = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[block.language]
        done = subprocess.run(
            [*command, block.code], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=900
        )
        assert done.returncode == 0, block.code + done.stdout + done.stderr
    if left_out:
        pytest.skip(f"blocks that need {', '.join(sorted(left_out))} were left out")


def explained(page: Path) -> list[str]:
    """The messages in the first column of a page's tables of messages."""
    tables = re.findall(r"^\| message \|[^\n]*\n(?:\|[^\n]*\n?)+", page.read_text(), re.M)
    cells = [row.split(" |")[0] for table in tables for row in table.splitlines()[2:]]
    return [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("page", [page for page in PAGES if explained(page)], ids=name)
def test_messages_that_are_explained_are_raised(page):
    joined = re.compile(r'"\s*\n\s*f?"')
    source = "\n".join(joined.sub("", path.read_text()) for path in (ROOT / "edgegan").rglob("*.py"))
    placed = re.compile(r"\.\.\.|\d+(?:\.\d+)+|'[^']*'|\b\d+\b|\b(?:jetson-orin|aarch64)\b")
    for message in explained(page):
        lost = [part for part in placed.split(message) if part.strip() not in source]
        assert not lost, f"{message}: no message of the code has {lost}"


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    done = subprocess.run(build, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for page in ("index.html", "how/rewrites.html", "python.html"):
        assert "http" not in re.findall(
            r'<(?:script|link)[^>]+(?:src|href)="([^"]+\.(?:js|css))"', (tmp_path / page).read_text()
        )
    assert "interleav" in (tmp_path / "how" / "rewrites.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("notebook", sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_run(notebook, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    content = nbformat.read(notebook, as_version=4)
    assert not any(cell.get("outputs") for cell in content.cells), "kept without outputs, which a machine made"
    NotebookClient(content, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()

"""Write docs/cli.md from the commands' own --help: python docs/cli.py."""

from __future__ import annotations

import os
from pathlib import Path

from typer.testing import CliRunner

from edgegan.cli.app import app


def reference() -> str:
    """Every command's help, as Markdown."""
    os.environ["COLUMNS"] = "100"
    parts = ["# Command line reference", "", "Generated from `--help` by `make docs`; a test compares the two.", ""]
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.callback.__name__
        shown = CliRunner().invoke(app, [name, "--help"], prog_name="edgegan", terminal_width=100)
        parts += [
            f"## edgegan {name}",
            "",
            "```text",
            "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines()),
            "```",
            "",
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    path = Path(__file__).with_name("cli.md")
    path.write_text(reference())
    print(path)

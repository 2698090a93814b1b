"""``edgegan``: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from typing import NoReturn

import typer

from edgegan import __version__
from edgegan.cli import interruption
from edgegan.cli.bench import bench
from edgegan.cli.build import build
from edgegan.cli.compare import compare
from edgegan.cli.compress import compress, export, prune, quantize
from edgegan.cli.doctor import doctor
from edgegan.cli.evaluate import evaluate
from edgegan.cli.inspect import inspect
from edgegan.cli.models import models
from edgegan.cli.package import package
from edgegan.cli.report import report
from edgegan.cli.run import run as run_artifact
from edgegan.cli.search import search
from edgegan.cli.serve import serve
from edgegan.cli.show import show
from edgegan.cli.targets import targets
from edgegan.cli.train import train
from edgegan.cli.vendor_noise import kept_aside
from edgegan.core.errors import GeneratorError

TOLD_IN_FULL = (0, 2, 5, 7, interruption.CODE)
"""Exit codes of which what the libraries print explains nothing."""
SEVERAL_PROCESSES = (["serve"], ["train"])
"""Commands whose further processes print for themselves."""

app = typer.Typer(
    name="edgegan",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Take a trained GAN generator to an edge device, and say what that cost.",
    epilog="Any command takes --debug, which shows the traceback of an error. Begin with: edgegan compress --target "
    "x86-cpu",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edgegan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options of the program itself."""


for command in (
    targets,
    models,
    compress,
    prune,
    quantize,
    export,
    build,
    bench,
    compare,
    inspect,
    train,
    search,
    evaluate,
    show,
    report,
    package,
    serve,
    doctor,
):
    app.command()(command)
app.command("run")(run_artifact)


def main() -> None:
    """Run the command line; exit with the code of ``edgegan.core.errors``."""
    debug = "--debug" in sys.argv
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    _be_quiet()
    interruption.install()
    if debug or arguments[:1] in SEVERAL_PROCESSES:
        _leave(run(arguments, debug))
    with kept_aside() as last_lines:
        code = run(arguments)
        if code not in TOLD_IN_FULL and (lines := last_lines()):
            _say("the libraries printed last:\n" + "\n".join(f"  {line}" for line in lines))
    _leave(code)


def _leave(code: int) -> NoReturn:
    if code == interruption.CODE:
        interruption.over()
    sys.exit(code)


def run(arguments: list[str], debug: bool = False) -> int:
    """Run one command line and return its exit code."""
    try:
        result = typer.main.get_command(app).main(args=arguments, prog_name="edgegan", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        return _interrupted() if code == interruption.CODE else code
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted()
    except Exception as exc:
        if debug:
            traceback.print_exc()
        return _explain(exc, debug)


def _interrupted() -> int:
    _say(interruption.TOLD)
    return interruption.CODE


def _explain(exc: Exception, debug: bool) -> int:
    if isinstance(exc, GeneratorError):
        _say(f"error: {exc}")
        return exc.exit_code
    shown = getattr(exc, "format_message", None)
    if shown is not None:
        context = getattr(exc, "ctx", None)
        _say(f"error: {shown()}" + (f"\nTry: {context.command_path} --help" if context else ""))
        return int(getattr(exc, "exit_code", 2))
    _say(
        f"error: {type(exc).__name__}: {exc}"
        + ("" if debug else "\nThis is a fault of EdgeGAN. Run again with --debug and report what it prints.")
    )
    return 1


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _be_quiet() -> None:
    """Vendor libraries warn about things that a user cannot change."""
    warnings.filterwarnings("ignore")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)


if __name__ == "__main__":
    main()

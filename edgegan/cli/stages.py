"""Commands made of what ``edgegan.compress`` declares: each takes the options that name it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import MISSING
from inspect import Parameter, Signature
from typing import Annotated, Any, get_type_hints

import typer

from edgegan.compress.options import Options
from edgegan.compress.settings import Command, Declared, declared


def help_of(name: str) -> str:
    """What ``edgegan.compress`` says of an option, for other commands that take it."""
    return next(each.setting.help for each in declared(Options) if each.name == name)


def takes(
    command: Command, without: Collection[str] = (), **own: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give ``def command(given)`` the options of ``command``, some left out, then its ``own``, each an annotation with
    a default.

    What the command line gave reaches it as one dict by name.
    """

    def decorate(work: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
        hints = get_type_hints(Options, include_extras=True)
        wanted = [each for each in declared(Options) if command in each.setting.commands and each.name not in without]
        parameters = [_parameter(each, hints[each.name], command) for each in wanted]
        for name, (annotation, default) in own.items():
            parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation))

        def call(**given: Any) -> None:
            work(given)

        call.__name__, call.__doc__ = work.__name__, work.__doc__
        call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        return call

    return decorate


def _parameter(each: Declared, hint: Any, command: Command) -> Parameter:
    setting = each.setting
    kind = setting.text or hint
    if setting.flag == "":
        annotation: Any = Annotated[kind, typer.Argument(help=setting.help)]
    else:
        annotation = Annotated[kind, typer.Option(each.flag, help=setting.help, metavar=setting.metavar)]
    default = setting.defaults.get(command, each.default)
    if default is MISSING:
        default = ...
    elif default == ():
        default = None
    return Parameter(each.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def options_given(given: dict[str, Any]) -> dict[str, Any]:
    """Those of what the command line gave that are options of ``compress``."""
    names = {each.name for each in declared(Options)}
    return {name: value for name, value in given.items() if name in names}

"""What a command line or a caller gives for an option, as the value that it stands for. Each raises UsageError."""

from __future__ import annotations

from collections.abc import Sequence

from edgegan.core.deadline import parse_duration
from edgegan.core.errors import UsageError
from edgegan.core.spec import parse_input, parse_range
from edgegan.core.target import Target, load_target
from edgegan.remote.adb import Phone, parse_phone
from edgegan.remote.ssh import Device, parse_device


def inputs_of(given: Sequence[str]) -> tuple[str, ...]:
    for index, text in enumerate(given):
        parse_input(text, f"input{index}")
    return tuple(given)


def constants_of(given: Sequence[str]) -> tuple[str, ...]:
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise UsageError(f"--constant {text!r}: write NAME=VALUE, such as strength=0.8")
    return tuple(given)


def range_of(given: str | Sequence[float]) -> tuple[float, float]:
    if isinstance(given, str):
        return parse_range(given, "--output-range")
    low, high = given
    return float(low), float(high)


def seconds_of(given: str | float) -> float:
    return parse_duration(given, "--time-budget") if isinstance(given, str) else float(given)


def device_of(given: str | Device | Phone) -> Device | Phone:
    if not isinstance(given, str):
        return given
    return parse_phone(given) if given.startswith("adb:") else parse_device(given)


def batch_of(given: str | int | Sequence[int]) -> int | tuple[int, int, int]:
    """A number, or the least, the usual and the most of a batch that is free."""
    try:
        numbers = [int(part) for part in given.split(",")] if isinstance(given, str) else given
    except ValueError:
        raise UsageError(f"--batch {given!r}: write a number, or LEAST,USUAL,MOST such as 1,4,16") from None
    if isinstance(numbers, int):
        return numbers
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) != 3 or not 1 <= numbers[0] <= numbers[1] <= numbers[2]:
        raise UsageError(f"--batch {given!r}: write a number, or LEAST,USUAL,MOST such as 1,4,16")
    return numbers[0], numbers[1], numbers[2]


def target_of(given: str | Target) -> Target:
    return load_target(given) if isinstance(given, str) else given

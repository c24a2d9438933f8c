"""What a command of the command line is, and the parser that they share.

Relies on argparse. Used by every command. Modules of commands import nothing heavy at the top, so that ``--help`` is
quick and a command waits for what it needs only.
"""

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from eventsim.errors import PrematureSpikeWarning, shortened

OK, FAILED, REFUSED, SIGNALLED, INTERRUPTED = 0, 1, 2, 128, 130


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes
    ----------
    summary
        One line for the list of commands.
    examples
        Command lines, each with what it does.
    add_arguments
        Adds the options to a parser.
    run
        Runs it and returns the exit code.
    """

    name: str
    summary: str
    examples: tuple[tuple[str, str], ...]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class WrongUse(SystemExit):
    """Options that are none; the message has been printed."""

    def __init__(self, message: str) -> None:
        super().__init__(REFUSED)
        self.message = message


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all errors of the command line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with 2."""
        say_error(f"{message}; see {self.prog} --help")
        raise WrongUse(f"{message}; see {self.prog} --help")


def say_error(message: object) -> None:
    """Print one line to stderr, whatever lines the message has."""
    print(f"eventsim: error: {one_line(message)}", file=sys.stderr)


def one_line(message: object) -> str:
    """Return a message without line breaks, and no longer than a screen."""
    return shortened(" ".join(str(message).split()))


def say_warning(message: object) -> None:
    """Print one line to stderr; the exit code stays what it is."""
    print(f"eventsim: warning: {one_line(message)}", file=sys.stderr)


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """Say on stderr, in one line each, that a network carried wrong values; the list has what was said."""
    said: list[str] = []
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, PrematureSpikeWarning):
            said.append(str(message))
            say_warning(message)
        else:
            usual(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PrematureSpikeWarning)
        warnings.showwarning = show
        yield said


def examples_text(examples: tuple[tuple[str, str], ...]) -> str:
    """Return the examples of a command for the end of its help."""
    return "examples:\n" + "\n".join(f"  {line}\n      {what}" for line, what in examples)


def integer_from(low: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number >= low."""

    def parse(text: str) -> int:
        try:
            value = int(text.replace("_", ""))
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number >= {low}")
        return value

    return parse


def number(text: str) -> float:
    """Argparse type: a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return value


def positive_number(text: str) -> float:
    """Argparse type: a finite number > 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not > 0")
    return value


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add ``--threads``."""
    parser.add_argument(
        "--threads",
        type=integer_from(1),
        metavar="N",
        help="samples run in parallel on N threads (default: all cores); the results are the same",
    )


def print_json(content: Any) -> None:
    """Print one JSON object; what JSON does not have (NaN, infinity) becomes null."""
    import json

    print(json.dumps(plain(content), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: numpy arrays and numbers, tuples and paths are converted."""
    if isinstance(value, dict):
        return {str(key): plain(content) for key, content in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(content) for content in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
